"""Identifiers and log positions. All are derived or given, never random."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

# Also what may stand in a URL path and in a Kafka key without quoting.
NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_NAME = re.compile(NAME_PATTERN)

# Checked in full where a department is created; elsewhere an unknown one is refused anyway, and the
# pattern would cost 0.3 us for each of five fields on the hot path.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


def is_name(text: str) -> bool:
    """True for an organization or department id: 1-64 of letters, digits, dot, underscore, hyphen."""
    return _NAME.fullmatch(text) is not None


def department_key(organization_id: str, department_id: str) -> str:
    """The Kafka key of all that changes one department's state: `organization/department`."""
    return f"{organization_id}/{department_id}"


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the decision log: decision number `seq` (from 0, gapless) of `partition`.

    Its text form `partition:seq` is the position token of answers and reads.
    """

    partition: int
    seq: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises ValueError unless `text` is `partition:seq`, both whole numbers from 0."""
        match = re.fullmatch(r"(\d{1,9}):(\d{1,18})", text, re.ASCII)
        if match is None:
            raise ValueError(f"{text!r} is not a log position; it reads partition:seq, for example 3:1042")
        return cls(int(match[1]), int(match[2]))
