"""What a mapping makes of a file: rows as they would be read, and what a person should look at twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from infra.imports.amounts import minor_units
from infra.imports.columns import currency_of_another, kinds, texts_of
from infra.imports.header import place, places
from infra.imports.mapping import Amount, Mapping
from infra.imports.reading import Reading, read_export
from infra.imports.records import TableRecord
from infra.imports.refunds import link_refunds
from infra.imports.table import DateCell, open_table
from schemas.card_numbers import masked
from schemas.money import Money, exponent
from schemas.names import folded

# Decimal and thousands signs that exports have, the commonest first.
SIGNS: Final = (
    Amount(),
    Amount(thousands=","),
    Amount(decimal=",", thousands="."),
    Amount(decimal=","),
    Amount(decimal=",", thousands=" "),
    Amount(thousands="'"),
    Amount(thousands=" "),
    Amount(thousands=",", grouping="indian"),
)
_SAMPLE_ROWS: Final = 10_000
_RARE_SHARE: Final = 0.05
_KINDS_SHOWN: Final = 5
_WHOLE_MIN: Final = 10
_TOTALS: Final = frozenset((
    "total", "totals", "grand total", "subtotal", "sub total", "sum", "summe", "gesamt", "gesamtsumme",
    "totaal", "totale", "balance", "opening balance", "closing balance", "balance forward", "saldo",
    "anfangssaldo", "endsaldo",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """A file under a mapping. `warnings`: sentences; none says that the file is refused."""

    reading: Reading
    warnings: list[str]


def check(path: Path, mapping: Mapping, limit_rows: int | None = None) -> Checked:
    """Reads the file as a run would.

    Raises:
        SpendlogError: the file as a whole cannot be read.
    """
    reading = read_export(path, mapping, limit_rows)
    with open_table(path, mapping) as table:
        at = places(mapping.columns, table.header, table.header_line)
        records = [one.fields for one in islice(table.rows(), _SAMPLE_ROWS) if isinstance(one, TableRecord)]
    warnings = [
        *_twice(reading.header),
        *_amounts_in_two_ways(mapping, at, records),
        *_dates_in_two_ways(mapping, at, records),
        *_rare_currencies(mapping, at, records),
        *_without_decimals(mapping, at, records),
        *_another_currency(table.header, at),
        *_kinds_not_looked_at(mapping, table.header, at, records),
        *_refunds_of_nothing(reading),
        *_totals(reading),
        *_budget_currencies_of_nobody(mapping, reading),
    ]
    return Checked(reading, warnings)


def as_document(checked: Checked, count: int) -> dict[str, object]:
    """The same as JSON: the first `count` rows in the file's order, and every line that is listed."""
    reading = checked.reading
    account = reading.account
    first = sorted(reading.rows, key=lambda row: row.line)[:count]
    return {
        "usable": len(reading.rows),
        "listed": [{"line": line, "reason": reason} for line, reason in sorted(reading.listed.items())],
        "rows": msgspec.to_builtins(first),
        "lines": {**msgspec.to_builtins(account), "all": account.lines},
        "warnings": checked.warnings,
    }


def described(reading: Reading, count: int) -> Iterator[str]:
    """The first rows, in the file's order, two lines each: what would be sent."""
    for row in sorted(reading.rows, key=lambda row: row.line)[:count]:
        kind = "refund" if row.refund else "purchase"
        amount = Money(row.minor, row.currency)
        yield f"line {row.line}  {kind} of {amount} on {row.at:%Y-%m-%d %H:%M} UTC, id {row.id}"
        posted = f", posted {row.posted_at:%Y-%m-%d %H:%M}" if row.posted_at != row.at else ""
        mcc = f", mcc {row.mcc}" if row.mcc else ""
        yield f"        {row.card} of {row.department_name} ({row.department}) at {row.merchant}{mcc}{posted}"


def _twice(header: Sequence[str]) -> Iterator[str]:
    for name, count in Counter(folded(name) for name in header if name).items():
        if count > 1:
            numbers = " and ".join(str(n) for n, one in enumerate(header, 1) if folded(one) == name)
            yield f"the header has {name!r} more than once, as columns {numbers}; a mapping may say a number"


def values(texts: Sequence[str], currency: str, amount: Amount) -> list[int | None]:
    """Minor units of each text; None where it is no amount."""
    found: list[int | None] = []
    for text in texts:
        try:
            found.append(minor_units(text, currency, amount))
        except ValueError:  # also BadAmount
            found.append(None)
    return found


def _amounts_in_two_ways(
    mapping: Mapping, at: dict[str, int], records: Sequence[Sequence[str]]
) -> Iterator[str]:
    currency = mapping.constants.currency or next(iter(texts_of(records, at.get("currency"))), "USD").upper()
    for member in ("amount", "debit", "credit"):
        texts = texts_of(records, at.get(member))
        ours = values(texts, currency, mapping.amount)
        for signs in SIGNS:
            other = msgspec.structs.replace(signs, unit=mapping.amount.unit, refund=mapping.amount.refund)
            theirs = values(texts, currency, other)
            if None in theirs or ours == theirs:
                continue
            n = next(n for n, (mine, its) in enumerate(zip(ours, theirs, strict=True)) if mine != its)
            mine = "listed as unusable" if ours[n] is None else f"{ours[n]} minor units"
            yield (
                f"{member}: all {len(texts):,} texts can be read with decimal = {signs.decimal!r} and "
                f"thousands = {signs.thousands!r}, too: {texts[n]!r} is {mine}, there it would be {theirs[n]}"
            )
            break


def is_whole(text: str) -> bool:
    """Whether a text has digits alone, but for a sign."""
    digits = text.strip(" -+()\u2212")
    return digits.isascii() and digits.isdigit()


def seem_minor(texts: Sequence[str], currency: str) -> bool:
    """Whether so many amounts are whole that they may be cents; prices seldom all end in .00."""
    return len(texts) >= _WHOLE_MIN and all(map(is_whole, texts)) and _digits(currency) > 0


def _digits(currency: str) -> int:
    try:
        return exponent(currency)
    except ValueError:
        return 0


def _without_decimals(
    mapping: Mapping, at: dict[str, int], records: Sequence[Sequence[str]]
) -> Iterator[str]:
    currency = mapping.constants.currency or next(iter(texts_of(records, at.get("currency"))), "USD").upper()
    texts = [text for member in ("amount", "debit", "credit") for text in texts_of(records, at.get(member))]
    if mapping.amount.unit == "major" and seem_minor(texts, currency):
        yield f"none of {len(texts):,} amounts has decimals: if they are minor units, say [amount] unit"


def _dates_in_two_ways(
    mapping: Mapping, at: dict[str, int], records: Sequence[Sequence[str]]
) -> Iterator[str]:
    for member, pattern in (("time", mapping.time.format), ("posted", mapping.time.posted_format)):
        swapped = pattern.translate({ord("d"): "m", ord("m"): "d"})
        texts = [text for text in texts_of(records, at.get(member)) if not isinstance(text, DateCell)]
        if pattern == "iso" or swapped == pattern or "%b" in pattern.lower() or not texts:
            continue
        if all(is_date(text, swapped) for text in texts):
            said = f"{member}: all {len(texts):,} texts are dates by {swapped!r}, too"
            yield f"{said}: {texts[0]!r} may be either"


def is_date(text: str, pattern: str) -> bool:
    try:
        _ = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        return False
    return text.isascii()


def _rare_currencies(mapping: Mapping, at: dict[str, int], records: Sequence[Sequence[str]]) -> Iterator[str]:
    counts = Counter(text.upper() for text in texts_of(records, at.get("currency")))
    total = counts.total()
    for currency, count in counts.most_common()[1:]:
        if count <= max(1, total * _RARE_SHARE):
            yield f"currency {currency} stands on {count:,} of {total:,} rows only"


def _another_currency(header: Sequence[str], at: dict[str, int]) -> Iterator[str]:
    if "amount" in at and "currency" in at:
        own = currency_of_another(header, at["amount"], at["currency"])
        if own is not None:
            amount, currency = header[at["amount"]], header[at["currency"]]
            yield f"the currency of {amount!r} seems to be {own!r}, not {currency!r}"


def _kinds_not_looked_at(
    mapping: Mapping, header: Sequence[str], at: dict[str, int], records: Sequence[Sequence[str]]
) -> Iterator[str]:
    used = {place("only", one.column, header, 1) for one in mapping.only} | set(at.values())
    for kind in kinds(header, records):
        if kind.at not in used:
            values = ", ".join(masked(value)[:30] for value in kind.values[:_KINDS_SHOWN])
            more = ", ..." if len(kind.values) > _KINDS_SHOWN else ""
            yield (
                f"column {header[kind.at]!r} says {values}{more}: all of them count alike; "
                "[[only]] says which count, columns.direction which are refunds"
            )


def _refunds_of_nothing(reading: Reading) -> Iterator[str]:
    alone = link_refunds(reading.rows).alone
    if alone:
        refunds = sum(row.refund for row in reading.rows)
        largest = max(alone, key=lambda row: row.minor)
        yield (
            f"{len(alone):,} of {refunds:,} refunds fit no purchase; the largest is line "
            f"{largest.line}, {Money(largest.minor, largest.currency)}: payments to the card are no refunds"
        )


def _totals(reading: Reading) -> Iterator[str]:
    """TOTAL is an oil company, too, so such a row counts."""
    for row in reading.rows:
        if not {folded(row.merchant), folded(row.id), folded(row.department_name)}.isdisjoint(_TOTALS):
            yield f"line {row.line} looks like a total, and counts: {Money(row.minor, row.currency)}"
            return


def _budget_currencies_of_nobody(mapping: Mapping, reading: Reading) -> Iterator[str]:
    names = {folded(row.department_name) for row in reading.rows}
    for department in mapping.budget_currency:
        if folded(department) not in names:
            yield f"[budget_currency] has {department!r}, and no row that can be used is of that department"
