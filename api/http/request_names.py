"""Headers and query members that a request may name: those that are known, and each of them once."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Final

from api.http.problems import FieldError, Problem, invalid_request

# Of two the client means one, and a proxy may take the other. Preferences may come in several lines.
_ONCE: Final = frozenset({
    b"authorization", b"content-encoding", b"content-type", b"idempotency-key", b"spendlog-position",
})  # fmt: skip


def require_once(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Raises Problem 400 where one of the headers that mean something here stands twice."""
    names = [name for name, _ in headers]
    if len(set(names)) == len(names):
        return
    for name in _ONCE:
        if names.count(name) > 1:
            shown = name.decode()
            error = FieldError(field=f"header.{shown}", code="repeated", message="stands twice; send it once")
            raise Problem(
                400,
                "repeated_header",
                f"The header {shown.title()} stands twice; send it once.",
                errors=[error],
            )


def require_known(query: Sequence[tuple[str, str]], known: Collection[str]) -> None:
    """Raises Problem 422 for members of the query that are unknown or stand twice: a misspelt `as_of` would
    answer another question."""
    names = [name for name, _ in query]
    wrong = []
    for name in dict.fromkeys(names):
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = near[0] if near else ", ".join(sorted(known)) or "none at all"
            words = f"is not known here; known is {meant}"
            wrong.append(FieldError(field=f"query.{name[:80]}", code="extra_forbidden", message=words))
        elif names.count(name) > 1:
            words = "stands twice; send it once"
            wrong.append(FieldError(field=f"query.{name}", code="repeated", message=words))
    if wrong:
        raise invalid_request(wrong)
