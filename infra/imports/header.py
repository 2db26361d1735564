"""Which column of the file each member of the mapping means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from infra.errors import SpendlogError
from infra.imports.mapping import Columns
from schemas.card_numbers import masked
from schemas.names import folded


def places(columns: Columns, header: Sequence[str], line: int) -> dict[str, int]:
    """Member -> index of its column, from 0.

    Raises:
        SpendlogError: a column is not there, or its name stands in the header more than once.
    """
    found = {}
    for member in columns.__struct_fields__:
        column = getattr(columns, member)
        if column is not None:
            found[member] = place(f"columns.{member}", column, header, line)
    return found


def place(member: str, column: str | int, header: Sequence[str], line: int) -> int:
    """Index of a column, from 0. Raises SpendlogError as `places` does; `member` is for its message."""
    if isinstance(column, int):
        if column > len(header):
            raise SpendlogError(
                f"{member} is {column}, but the header (line {line}) has {len(header)} columns"
            )
        return column - 1
    same = [n for n, name in enumerate(header) if folded(name) == folded(column)]
    exact = [n for n in same if header[n] == column]
    # Who wrote the mapping can tell names apart that differ in case, but not in what nobody sees.
    differ_in_case = all(header[n].casefold() == column.casefold() for n in same)
    chosen = exact if len(exact) == 1 and differ_in_case else same
    if len(chosen) > 1:
        numbers = " and ".join(str(n + 1) for n in chosen)
        raise SpendlogError(
            f"the header (line {line}) has {column!r} more than once, as columns {numbers}: say which, for "
            f"example {member} = {chosen[0] + 1}"
        )
    if not chosen:
        near = difflib.get_close_matches(column, header, 1)
        more = f" (did you mean {near[0]!r}?)" if near else ""
        raise SpendlogError(
            f"the file has no column {column!r} ({member} of the mapping){more}; its "
            f"header, line {line}, has {', '.join(masked(name)[:60] for name in header)}"
        )
    return chosen[0]


def looks_like_header(columns: Columns, fields: Sequence[str]) -> bool:
    """Whether every column that the mapping names is in `fields`."""
    names = {folded(field) for field in fields}
    wanted = [getattr(columns, member) for member in columns.__struct_fields__]
    return all(folded(name) in names for name in wanted if isinstance(name, str))
