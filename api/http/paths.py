"""Ids in paths. Other producers than this API may use any text as an id, with slashes, dots and spaces in it,
and each of them has a path: the id percent-encoded as ONE segment.

So routes are matched on the path as it was sent, not on its decoded form, in which `2026%2F11` and `2026/11`
are the same; the ids are decoded after. RFC 3986, 2.2 and 6.2.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from api.http.problems import Problem

#: Of a path parameter that is an id, in the API's description.
IN_PATH = "any text, percent-encoded as one segment: `/` is `%2F`"

_ENCODED = re.compile("%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")


def segment(text: str) -> str:
    """`text` as one segment of a path. `.` and `..` are encoded, too, but many a client and proxy takes even
    their encoded form for a step up the path: such an id is best looked up by `spendlog show`."""
    quoted = quote(text, safe=":")
    return quoted.replace(".", "%2E") if text in (".", "..") else quoted


def normalized(raw_path: bytes) -> str:
    """The path as it was sent, with nothing encoded that need not be."""
    return _ENCODED.sub(_normal, raw_path.decode("ascii", "replace"))


def _normal(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.match(character) else match[0].upper()


def decoded(parameters: Mapping[str, str]) -> dict[str, str]:
    """Path parameters as texts. Raises Problem 400 where one is not UTF-8."""
    try:
        return {name: unquote(value, errors="strict") for name, value in parameters.items()}
    except UnicodeDecodeError:
        raise Problem(
            400, "malformed_path", "The path has percent-encoded bytes that are not UTF-8, for example %FF."
        ) from None


def storable(text: str) -> bool:
    """Whether a view can be asked for it: PostgreSQL keeps no NUL, and no id has one."""
    return "\0" not in text
