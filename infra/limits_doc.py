"""What each member of an event and each column may be, from the types: `python -m infra.limits_doc`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import inspect

from schemas.entrance import EVENT_BYTES_MAX, YEARS
from schemas.events import EVENT_TYPES
from schemas.money import TOTAL_MAX
from sinks.ledger.bounds import bounds

FILE = Path(__file__).parent.parent / "docs" / "limits.md"
_BEFORE = f"""# Limits

Generated from `schemas/` and `sinks/ledger/rows/` by `python -m infra.limits_doc`; a test compares it.
They hold over REST and over Kafka alike.

* An event has at most {EVENT_BYTES_MAX:,} bytes, a request's body 2,048 less.
* Moments are RFC 3339 with an offset, in the years {YEARS.start} to {YEARS[-1]}; the event's own
  is at most a day ahead. A second's fraction is cut to microseconds. No 24:00, no leap second.
* No text has control characters (C0, DEL, C1), and none has a card number.
* No object has a member twice. Members that are not listed are refused over REST, and ignored over Kafka.

| member | may be |
|---|---|
"""
_OF_THE_BOOKS = f"""
## In the books

PostgreSQL holds the same bounds again, as `CHECK` constraints, whoever writes. What refuses first is named:
such an event is rejected and its partition goes on, while a row that PostgreSQL refuses stops its partition.

* What is posted, held or the limit of one period, and what is posted to or refunded of one payment, is within
  {TOTAL_MAX:,} minor units, so that every reader of JSON has it exactly.
* Sums of many departments, periods or lives of an id have no such bound. They are `numeric` in SQL and whole
  numbers in JSON, of any size: a reader that takes numbers for doubles should take these from `sum` in SQL.

| column | of | may be | refused first by |
|---|---|---|---|
"""


_MANY = 15


class Limit(NamedTuple):
    """The bound of one member. `words` None: it has none."""

    member: str
    words: str | None


def limits() -> list[Limit]:
    """The bounds of all members of all events, each type once."""
    seen: set[type] = set()
    return [limit for cls in EVENT_TYPES for limit in _of_struct(inspect.type_info(cls), seen)]


def _of_struct(info: inspect.Type, seen: set[type]) -> Iterator[Limit]:
    assert isinstance(info, inspect.StructType)
    if info.cls in seen:
        return
    seen.add(info.cls)
    inner: list[inspect.StructType] = []
    for field in info.fields:
        yield from _of(field.type, f"{info.cls.__name__}.{field.name}", inner)
    for struct in inner:
        yield from _of_struct(struct, seen)


def _of(info: inspect.Type, member: str, inner: list[inspect.StructType]) -> Iterator[Limit]:
    match info:
        case inspect.Metadata():
            yield from _of(info.type, member, inner)
        case inspect.StructType():
            inner.append(info)
        case inspect.UnionType():
            for one in info.types:
                yield from _of(one, member, inner)
        case inspect.StrType():
            yield Limit(member, _range(info.min_length or 0, info.max_length, "characters"))
        case inspect.BytesType():
            yield Limit(member, _range(info.min_length or 0, info.max_length, "bytes, in base64"))
        case inspect.IntType():
            least = info.ge if info.gt is None else info.gt + 1
            yield Limit(member, None if least is None else _range(least, info.le, ""))
        case inspect.VarTupleType():
            yield Limit(member, _range(info.min_length or 0, info.max_length, "of them"))
            yield from _of(info.item_type, f"{member}[]", inner)
        case inspect.DictType():
            yield Limit(member, _range(info.min_length or 0, info.max_length, "of them"))
            yield from _of(info.key_type, f"{member}, name", inner)
            yield from _of(info.value_type, f"{member}, value", inner)
        case inspect.LiteralType() | inspect.EnumType() | inspect.BoolType() | inspect.NoneType():
            pass
        case inspect.DateTimeType() | inspect.DateType():
            pass
        case _:
            # A kind of type that nobody has thought of here has no bound that this could know.
            yield Limit(member, None)


def _range(least: float, most: float | None, what: str) -> str | None:
    return None if most is None else f"{least:,} to {most:,} {what}".strip()


def _of_the_books() -> Iterator[str]:
    alike: dict[tuple[str, str, str], list[str]] = {}
    for bound in bounds():
        words = _range(bound.least, bound.most, "characters" if bound.text else "")
        assert words is not None
        alike.setdefault((bound.column, words, bound.by), []).append(bound.table)
    for (column, words, by), tables in alike.items():
        where = ", ".join(tables) if len(tables) < _MANY else "every table that has it"
        yield f"| {column} | {where} | {words} | {by} |\n"


def document() -> str:
    """The text of `docs/limits.md`."""
    members = (f"| {limit.member} | {limit.words} |\n" for limit in limits())
    return "".join([_BEFORE, *members, _OF_THE_BOOKS, *_of_the_books()])


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
    print(FILE.name)
