"""Lists in pages: `after` and `limit` in, `next` and a `Link` out (RFC 8288).

A page goes on after a row's own key, never after a number of rows, so rows that come in meanwhile neither
push one from a page to the next nor off it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, Query, Request

from api.http.paths import storable
from api.http.problems import FieldError, Problem, invalid_request

PAGE: Final = 100
PAGE_MAX: Final = 1_000
# A time and two ids of 128 characters with 4 bytes each, in base64.
AFTER_MAX: Final = 2_000

NEXT: Final = "send it as `after` for the next page, as `Link` does; null: this is the last"
LINK: Final = {
    "Link": {
        "description": 'the next page, `<...>; rel="next"`; absent on the last',
        "schema": {"type": "string"},
    }
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: `limit` rows after the key that `after` names."""

    after: str | None
    limit: int
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()

    @property
    def rows_max(self) -> int:
        """What to ask the store for: one row more tells that there is a next page."""
        return self.limit + 1

    def split(self, rows: Sequence[T]) -> tuple[Sequence[T], T | None]:
        """The page's rows, and the last of them where more follow."""
        more = len(rows) > self.limit
        return rows[: self.limit], rows[self.limit - 1] if more else None

    def turn(
        self, rows: Sequence[T], key: Callable[[T], tuple[object, ...]]
    ) -> tuple[Sequence[T], str | None]:
        """The page's rows, and the cursor of its last row's `key`; None: no page follows."""
        shown, last = self.split(rows)
        return shown, None if last is None else self.cursor(*key(last))

    def link(self, following: str | None) -> dict[str, str]:
        """The header to the page after this one; none on the last."""
        if following is None:
            return {}
        query = [(name, value) for name, value in self.query if name != "after"]
        return {"Link": f'<{self.path}?{urlencode([*query, ("after", following)])}>; rel="next"'}

    def cursor(self, *key: object) -> str:
        """`after` of a page that goes on after the row with this key, in the same list only."""
        text = msgspec.json.encode([self._list(), *key])
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    def key(self, kind: type[T]) -> T | None:
        """The key, a tuple of `kind`, that `cursor` was made of; None on the first page.

        Raises:
            Problem: 422, `after` is none of this API's, or one of a list with other filters.
        """
        if self.after is None:
            return None
        try:
            padded = self.after.encode("ascii") + b"=" * (-len(self.after) % 4)
            of, *key = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list)
            found = msgspec.convert(key, kind)
        except (UnicodeEncodeError, binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
            raise _wrong(
                "malformed_cursor", "is no cursor; send what `next` of the page before says"
            ) from None
        if of != self._list():
            words = "is a cursor of a list with other filters or another order; begin that one without it"
            raise _wrong("cursor_of_another_list", words)
        if not all(storable(part) for part in key if isinstance(part, str)):
            raise _wrong("malformed_cursor", "is no cursor; send what `next` of the page before says")
        return found

    def _list(self) -> str:
        """What tells this list from others: its path and all of its query but where it stands."""
        same = sorted(pair for pair in self.query if pair[0] not in ("after", "limit", "position"))
        return sha256(repr((self.path, same)).encode(errors="surrogatepass")).hexdigest()[:12]


def _wrong(code: str, words: str) -> Problem:
    return invalid_request([FieldError(field="query.after", code=code, message=words)])


async def _page(
    request: Request,
    after: Annotated[
        str | None,
        Query(max_length=AFTER_MAX, description="go on after this place: `next` of the page before"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="rows on a page")] = PAGE,
) -> Page:
    if after is not None and not storable(after):
        raise _wrong("value_error", "must not contain control characters")
    path: Any = request.scope.get("raw_path") or request.scope["path"].encode()
    return Page(after, limit, path.decode("ascii", "replace"), tuple(request.query_params.multi_items()))


Paged = Annotated[Page, Depends(_page)]
