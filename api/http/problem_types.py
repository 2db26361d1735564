"""Problem types: what each code means and what to do about it. One table for programs and people."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec

#: Where a type's page is; below it, its code.
PATH: Final = "/problems"


class ProblemType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One code. `status`: what it may be answered with."""

    status: list[int]
    title: str
    means: str
    do: str


def _table() -> Mapping[str, ProblemType]:
    text = Path(__file__).with_name("problems.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return msgspec.convert(found, dict[str, ProblemType])


PROBLEM_TYPES: Final = _table()


def type_of(code: str) -> str:
    """The `type` of a problem: a reference that resolves to its page on whatever server has answered."""
    return f"{PATH}/{code}" if code in PROBLEM_TYPES else "about:blank"


def title_of(code: str, status: int) -> str:
    """The same for each occurrence of a type; without a type the status's own (RFC 9457, 3.1.3 and 4.2.1)."""
    known = PROBLEM_TYPES.get(code)
    return HTTPStatus(status).phrase if known is None else known.title
