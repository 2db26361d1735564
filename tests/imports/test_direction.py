"""Which way the money went, and which rows count at all, where a column says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import SpendlogError
from infra.imports.mapping import parse_mapping
from infra.imports.row import Row, Unusable
from tests.imports.exports import MAPPING, line, read, write

HEADER = "id,department,card,merchant,mcc,amount,time,posted,currency,Type,State"
TWO_WAYS = '\n[direction]\npurchase = ["S", "Debit", "Card payment"]\nrefund = ["H", "Credit"]\n'
DIRECTION = MAPPING.replace("[columns]", '[columns]\ndirection = "Type"') + TWO_WAYS
MINUS = DIRECTION.replace('unit = "major"', 'unit = "major"\nrefund = "positive"')
ONLY = MAPPING + '\n[[only]]\ncolumn = "State"\nvalues = ["COMPLETED", "Cleared", ""]\n'


def _read(tmp_path: Path, written: str, text: str) -> Row | Unusable:
    (found,) = read(write(tmp_path, written, header=HEADER), text)
    return found


@pytest.mark.parametrize(
    ("kind", "amount", "mapping", "expected"),
    [
        ("S", "12.50", DIRECTION, (1250, False)),
        ("H", "12.50", DIRECTION, (1250, True)),
        ("debit", "12.50", DIRECTION, (1250, False)),
        (" CREDIT ", "12.50", DIRECTION, (1250, True)),
        ("Card  payment", "12.50", DIRECTION, (1250, False)),
        ("Ｈ", "12.50", DIRECTION, (1250, True)),
        ("S", "-12.50", DIRECTION, "amount is negative: the column says the direction already"),
        ("H", "(12.50)", DIRECTION, "amount is negative"),
        ("Fee", "12.50", DIRECTION, "direction 'Fee' is none of [direction] purchase and refund"),
        ("", "12.50", DIRECTION, "direction '' is none of"),
        ("SH", "12.50", DIRECTION, "direction 'SH' is none of"),
        ("S", "0.00", DIRECTION, "amount is zero"),
        ("S", "-12.50", MINUS, (1250, False)),
        ("H", "12.50", MINUS, (1250, True)),
        ("S", "12.50", MINUS, "amount is positive: by [amount] refund purchases have a minus"),
        ("H", "-12.50", MINUS, "amount is negative"),
    ],
)
def test_a_column_says_the_direction(
    tmp_path: Path, kind: str, amount: str, mapping: str, expected: tuple[int, bool] | str
) -> None:
    found = _read(tmp_path, f"{line(amount=amount)},{kind},", mapping)
    if isinstance(expected, str):
        assert isinstance(found, Unusable) and expected in found.reason
    else:
        assert isinstance(found, Row) and (found.minor, found.refund) == expected


@pytest.mark.parametrize(
    ("debit", "credit", "expected"),
    [
        ("-45.90", "", (4590, False)),
        ("", "45.90", (4590, True)),
        ("45.90", "", "debit is positive: by [amount] refund purchases have a minus"),
        ("", "-45.90", "credit is negative"),
        ("-45.90", "45.90", "both filled"),
    ],
)
def test_debits_may_have_a_minus_throughout(
    tmp_path: Path, debit: str, credit: str, expected: tuple[int, bool] | str
) -> None:
    text = "\n".join(row for row in MAPPING.splitlines() if not row.startswith(("mcc", "posted")))
    text = text.replace('amount = "amount"', 'debit = "debit"\ncredit = "credit"')
    text = text.replace('unit = "major"', 'refund = "positive"')
    path = write(
        tmp_path,
        f"r1,Ops,c1,ACME,{debit},{credit},2019-01-07,USD",
        header="id,department,card,merchant,debit,credit,time,currency",
    )
    (found,) = read(path, text)
    if isinstance(expected, str):
        assert isinstance(found, Unusable) and expected in found.reason
    else:
        assert isinstance(found, Row) and (found.minor, found.refund) == expected


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("COMPLETED", True), ("completed", True), (" Cleared", True), ("", True),
        ("ＣＯＭＰＬＥＴＥＤ", True),
        ("DECLINED", False), ("PENDING", False), ("REVERTED", False), ("COMPLETED?", False), ("0", False),
        ("NOT COMPLETED", False),
    ],
)  # fmt: skip
def test_a_row_that_does_not_count_is_listed(tmp_path: Path, state: str, counts: bool) -> None:
    found = _read(tmp_path, f"{line()},x,{state}", ONLY)
    if counts:
        assert isinstance(found, Row)
    else:
        assert isinstance(found, Unusable) and found.line == 2
        assert found.reason == f"State is '{state.strip()}': [[only]] leaves it out"


def test_two_columns_must_both_say_that_it_counts(tmp_path: Path) -> None:
    text = ONLY + '\n[[only]]\ncolumn = 10\nvalues = ["CARD_PAYMENT"]\n'
    kinds = {"a": "CARD_PAYMENT,COMPLETED", "b": "TOPUP,COMPLETED", "c": "CARD_PAYMENT,DECLINED"}
    rows = [f"{line(id_)},{told}" for id_, told in kinds.items()]
    found = read(write(tmp_path, *rows, header=HEADER), text)
    assert [isinstance(one, Row) for one in found] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DIRECTION.replace(TWO_WAYS, ""), "go together: one is missing"),
        (MAPPING + TWO_WAYS, "go together: one is missing"),
        (DIRECTION.replace('["H", "Credit"]', '["H", "s"]'), "'s' is among purchase and refund"),
        (DIRECTION.replace('purchase = ["S", "Debit", "Card payment"]', "purchase = []"), "length >= 1"),
        (DIRECTION.replace('amount = "amount"', 'debit = "a"\ncredit = "b"'), "say the direction already"),
        (ONLY.replace('["COMPLETED", "Cleared", ""]', "[]"), "length >= 1"),
        (ONLY.replace('column = "State"\n', ""), "missing required field `column`"),
        (MAPPING.replace("[amount]", '[amount]\ngrouping = "indian"'), "say amount.thousands"),
        (MAPPING + '\n[budget_currency]\n"Ops" = "USD"\n"OPS " = "EUR"\n', "has a department twice"),
        (MAPPING.replace("Europe/London", "localtime"), "'localtime' is no name of the IANA"),
        (MAPPING.replace("Europe/London", "posix/Europe/London"), "is no name of the IANA"),
        (MAPPING.replace("Europe/London", "europe/london"), "'Europe/London' is"),
        (MAPPING.replace("Europe/London", "GMT+1"), "is no name of the IANA"),
        (MAPPING.replace("Europe/London", "CEST"), "is no name of the IANA"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpendlogError) as raised:
        parse_mapping(text, "m.toml")
    assert said in str(raised.value)


def test_a_column_of_only_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpendlogError, match=r"no column 'State' \(only.1.column of the mapping\)"):
        read(write(tmp_path, line()), ONLY)
