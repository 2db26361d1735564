"""Statements that write rows to their table, from the type of the rows: each column stands once, there.

Rows come as arrays, one for each column, and are the table `v`; in binary (%b), because a text takes half the
time so, and a timestamp a twentieth. The row that is there already is `t`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from sinks.ledger.kinds import Json

RowType = type[tuple[Any, ...]]
#: Column -> the SQL of its value.
Values = Mapping[str, str]

_ARRAYS: Final[Mapping[object, str]] = {
    str: "text",
    int: "bigint",
    bool: "boolean",
    date: "date",
    datetime: "timestamptz",
}
_NONE: Final[Values] = {}


def columns(row: RowType) -> dict[str, Any]:
    """Name -> kind of each column, in their order; what may be NULL is of the kind that it else has."""
    return {name: _present(hint) for name, hint in get_type_hints(row, include_extras=True).items()}


def _present(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not NoneType)
    return hint


def _array(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is Literal:
        kind = str
    return f"%b::{_ARRAYS[kind]}[]"


def _rows(row: RowType) -> str:
    kinds = columns(row)
    return f"unnest({', '.join(map(_array, kinds.values()))}) AS v ({', '.join(kinds)})"


def insert(
    table: str, row: RowType, *, given: Values = _NONE, without: Collection[str] = (), where: str = ""
) -> bytes:
    """Adds the rows, as they are but for `given`. `without`: what they carry that is no column."""
    return _insert(table, row, _new(row, given, without), where).encode()


def upsert(
    table: str,
    row: RowType,
    key: Collection[str],
    again: Values = _NONE,
    *,
    given: Values = _NONE,
    without: Collection[str] = (),
    changed: Iterable[str] | None = None,
) -> bytes:
    """The same; where `key` is there already, the row's other columns take the place of what it has.

    `changed`: only these do. `again`: what a column becomes instead.
    """
    new = _new(row, given, without)
    names = new if changed is None else changed
    after = {name: f"excluded.{name}" for name in names if name not in key} | dict(again)
    text = f"{_insert(table, row, new)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {_set(after)}"
    return text.encode()


def update(
    table: str,
    row: RowType,
    key: Collection[str],
    again: Values = _NONE,
    *,
    changed: Iterable[str] | None = None,
    where: str = "",
) -> bytes:
    """Changes what has the same `key`: all other columns of the rows, or those that are `changed`.

    `again`: what else a column becomes.
    """
    names = columns(row) if changed is None else changed
    after = {name: f"v.{name}" for name in names if name not in key} | dict(again)
    same, more = " AND ".join(f"t.{name} = v.{name}" for name in key), where and f" AND {where}"
    return f"UPDATE {table} AS t SET {_set(after)} FROM {_rows(row)} WHERE {same}{more}".encode()


def _new(row: RowType, given: Values, without: Collection[str]) -> dict[str, str]:
    own = {
        name: f"v.{name}::json" if kind == Json else f"v.{name}"
        for name, kind in columns(row).items()
        if name not in without
    }
    return own | dict(given)


def _insert(table: str, row: RowType, new: Values, where: str = "") -> str:
    names, made = ", ".join(new), ", ".join(new.values())
    return f"INSERT INTO {table} AS t ({names}) SELECT {made} FROM {_rows(row)}{where and f' WHERE {where}'}"


def _set(after: Values) -> str:
    return ", ".join(f"{name} = {value}" for name, value in after.items())
