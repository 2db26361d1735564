"""Changeset that hold only for what the caller has seen: `ETag` out, `If-Match` in (RFC 9110, 8.8.3, 13.1.1).

The tag of a thing is the position of the last decision about it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Depends, Header

from api.http.problems import FieldError, Problem

ETAG: Final = {"ETag": {"description": "for `If-Match` of a change", "schema": {"type": "string"}}}

#: `If-Match: *`: whatever it is, but it must be there.
ANY: Final = "*"

_TAG = re.compile(r'(W/)?"([!#-~]*)"')


def tagged(position: str) -> dict[str, str]:
    """The header ETag of what was last changed at `position`."""
    return {"ETag": f'"{position}"'}


def tag_at(changed_at: datetime) -> str:
    """The tag of what PostgreSQL alone knows: when it was last changed."""
    return f"{changed_at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            description="change it only if this is still its `ETag`; else `412 precondition_failed`",
            max_length=200,
            examples=[],
        ),
    ] = None,
) -> str | None:
    if if_match is None:
        return None
    if if_match.strip() == ANY:
        return ANY
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        words = 'is no tag of this API; send one ETag as it came, for example "3:1042"'
        wrong = FieldError(field="header.if-match", code="malformed_etag", message=words)
        raise Problem(400, "malformed_etag", f"header.if-match: {words}.", errors=[wrong])
    if found[1]:
        raise changed_since(None)  # If-Match compares strongly: a weak tag matches nothing
    return found[2]


def changed_since(position: str | None) -> Problem:
    """412. `position`: of the change that came between; None: not known here."""
    at = "" if position is None else f": the last change is at {position}"
    return Problem(
        412,
        "precondition_failed",
        f"It was changed since you looked at it{at}. Nothing was written; look at it again, then decide.",
        headers={} if position is None else tagged(position),
    )


#: The tag that the caller has seen; None: he does not say.
IfMatch = Annotated[str | None, Depends(_if_match)]
