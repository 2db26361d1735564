"""Rows of the kinds that went wrong: two columns, texts, currencies, refunds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from infra.demo.player import windows
from infra.imports.departments import in_one_currency
from infra.imports.reading import read_export, write_listed
from infra.imports.refunds import AGE_MAX, link_refunds
from infra.imports.row import Row, Unusable
from schemas.card_numbers import has_card_number
from tests.imports.exports import MAPPING, line, mapping, one, read, write

TWO = MAPPING.replace('amount = "amount"', 'debit = "debit"\ncredit = "credit"').replace(
    'posted = "posted"\nmcc = "mcc"\n', ""
)
TWO = "\n".join(row for row in TWO.splitlines() if not row.startswith(("mcc", "posted")))


@pytest.mark.parametrize(
    ("debit", "credit", "expected"),
    [
        ("10.00", "", (1000, False)),
        ("", "5.00", (500, True)),
        ("10.00", "0.00", (1000, False)),
        ("0", "5.00", (500, True)),
        ("$10.00", "", (1000, False)),
        ("", "", "debit and credit are both empty"),
        ("0.00", "", "amount is zero"),
        ("1.00", "2.00", "both filled"),
        ("-1.00", "", "debit is negative"),
        ("", "(1.00)", "credit is negative"),
        ("x", "", "debit 'x' is not a number"),
    ],
)
def test_debit_and_credit_in_two_columns(
    tmp_path: Path, debit: str, credit: str, expected: tuple[int, bool] | str
) -> None:
    path = write(
        tmp_path,
        f"r1,Ops,c1,ACME,{debit},{credit},2019-01-07,USD",
        header="id,department,card,merchant,debit,credit,time,currency",
    )
    (found,) = read(path, TWO)
    if isinstance(expected, str):
        assert isinstance(found, Unusable) and expected in found.reason
    else:
        assert isinstance(found, Row) and (found.minor, found.refund) == expected


@pytest.mark.parametrize("member", ["id_", "department", "card", "merchant", "mcc", "currency", "time"])
@pytest.mark.parametrize("bad", ["\0", "\x07", "\x1b", "\x7f", "\x85x", "\udce9", "\uffff", "\u2029x"])
def test_text_that_is_none_is_listed_wherever_it_stands(tmp_path: Path, member: str, bad: str) -> None:
    found = one(tmp_path, line(**{member: f"ab{bad}c"}))
    if bad[0] in "\x85\u2029" and member in ("department", "card", "merchant", "id_"):
        return  # line separators count as space
    assert isinstance(found, Unusable)
    assert found.line == 2


@pytest.mark.parametrize(
    "mcc", ["5812.0", "nan", "N/A", "５８１２", "٥٨١٢", "58 12", "05812", "58.1", "²812", "-812"]
)
def test_a_category_is_four_ascii_digits(tmp_path: Path, mcc: str) -> None:
    found = one(tmp_path, line(mcc=mcc))
    assert isinstance(found, Unusable) and "is not four digits (0-9)" in found.reason


@pytest.mark.parametrize("time", ["２０１９-01-07", "٢٠١٩-٠١-٠٧", "2019-01-0７"])
@pytest.mark.parametrize("pattern", ["iso", "%Y-%m-%d"])
def test_dates_have_ascii_digits(tmp_path: Path, time: str, pattern: str) -> None:
    found = one(tmp_path, line(time=time), MAPPING.replace("[time]", f'[time]\nformat = "{pattern}"'))
    assert isinstance(found, Unusable) and "is not a date" in found.reason


@pytest.mark.parametrize("currency", ["gbp", "Gbp", " GBP "])
def test_currencies_may_be_in_lower_case(tmp_path: Path, currency: str) -> None:
    found = one(tmp_path, line(currency=currency))
    assert isinstance(found, Row) and found.currency == "GBP"


@pytest.mark.parametrize(("constant", "card"), [("pool", "pool"), ("{department}-card", "housing-card")])
def test_a_missing_card_column_is_a_constant_or_made_of_the_department(
    tmp_path: Path, constant: str, card: str
) -> None:
    text = MAPPING.replace('card = "card"\n', "").replace("[constants]", f'[constants]\ncard = "{constant}"')
    found = one(tmp_path, line(), text)
    assert isinstance(found, Row) and found.card == card


def row(id_: str, minor: int = 1000, **more: object) -> Row:
    at = datetime(2026, 8, 3, tzinfo=UTC)
    made = Row(1, id_, "o", "ops", "Ops", "c1", "ACME", None, minor, "USD", at, at, False)
    return msgspec.structs.replace(made, **more)


@pytest.mark.parametrize(
    ("currencies", "chosen", "kept"),
    [
        (["USD", "JPY", "USD"], {}, "USD"),
        (["JPY", "USD", "USD"], {}, "USD"),  # the first is not the commonest
        (["JPY", "USD"], {}, "JPY"),  # equally many: the first
        (["JPY", "USD", "USD"], {"ops": "JPY"}, "JPY"),
        (["JPY", "USD", "USD"], {" OPS ": "JPY"}, "JPY"),
        (["JPY", "USD", "USD"], {"other": "JPY"}, "USD"),
        (["USD"], {}, "USD"),
    ],
)
def test_a_departments_budget_has_one_currency(
    currencies: list[str], chosen: dict[str, str], kept: str
) -> None:
    rows = [row(f"r{n}", currency=currency) for n, currency in enumerate(currencies)]
    found, others = in_one_currency(rows, chosen)
    assert {one.currency for one in found} == {kept}
    assert len(found) + len(others) == len(rows)
    assert all(f"the budget of Ops is in {kept}" in other.reason for other in others)


def test_another_currency_is_listed_and_adds_nothing_to_the_budget(tmp_path: Path) -> None:
    home = [line(f"h{n}", time=f"2019-0{n + 1}-03") for n in range(3)]
    alone = read_export(write(tmp_path, *home, name="a.csv"), mapping())
    mixed = read_export(
        write(tmp_path, *home, line("jpy", currency="JPY", amount="250000"), name="b.csv"), mapping()
    )
    assert mixed.rows == alone.rows
    assert list(mixed.listed) == [5]


DAY = timedelta(days=1)
T = datetime(2026, 8, 3, tzinfo=UTC)


def refund(id_: str = "back", days: int = 9, **more: object) -> Row:
    return msgspec.structs.replace(row(id_), refund=True, at=T + days * DAY, **more)


@pytest.mark.parametrize(
    ("purchases", "back", "linked"),
    [
        ([row("p")], refund(), "p"),
        ([row("p"), row("q", minor=999)], refund(), "p"),
        ([row("p"), row("q", card="c2")], refund(), "p"),  # the same card first
        ([row("p", card="c2")], refund(), "p"),  # else any card of the department
        ([row("p", merchant="acme")], refund(), "p"),
        ([row("p"), row("q")], refund(), None),  # either
        ([row("p", card="c2"), row("q", card="c3")], refund(), None),
        ([row("p", minor=1001)], refund(), None),
        ([row("p", merchant="BETA")], refund(), None),
        ([row("p", department="sales")], refund(), None),
        ([row("p", currency="EUR")], refund(), None),
        ([row("p", posted_at=T + 30 * DAY)], refund(), None),  # not settled yet
        ([row("p")], refund(days=AGE_MAX.days + 1), None),
        ([], refund(), None),
    ],
)
def test_a_refund_is_linked_where_one_purchase_fits(
    purchases: list[Row], back: Row, linked: str | None
) -> None:
    links = link_refunds([*purchases, back])
    found = links.purchases.get("back")
    assert (found.id if found else None) == linked
    assert sum(links.unlinked.values()) == (linked is None)


def test_a_purchase_is_given_back_once() -> None:
    links = link_refunds([row("p"), refund("one", 3), refund("two", 4)])
    assert list(links.purchases) == ["one"]
    assert links.unlinked == {"no purchase of this amount fits": 1}


def test_a_refund_is_never_in_a_window_with_its_purchase() -> None:
    rows = [row("p"), row("q"), refund("back", 1), row("r", at=T + DAY)]
    assert [[one.id for one in part] for part in windows(rows, {"back": "p"})] == [["p", "q"], ["back", "r"]]


CARD_NUMBERS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "5500-0000-0000-0004",
    "378282246310005",
    "4111---1111---1111---1111",
    "４１１１１１１１１１１１１１１１",
]


@pytest.mark.parametrize("number", CARD_NUMBERS)
@pytest.mark.parametrize("member", ["id_", "card", "department", "merchant", "amount", "mcc", "time"])
def test_a_card_number_is_stored_nowhere(tmp_path: Path, member: str, number: str) -> None:
    path = write(tmp_path, line("good"), line(**{member: number}))
    reading = read_export(path, mapping())
    rejects = tmp_path / "rejects.csv"
    write_listed(rejects, path, mapping(), reading, {})
    kept = repr(reading.rows) + repr(reading.listed) + rejects.read_text()
    assert number not in kept
    assert not has_card_number(kept)
    if member == "merchant":
        assert "*" in reading.rows[-1].merchant  # a description stays useful
    else:
        assert list(reading.listed) == [3]


@pytest.mark.parametrize(
    "text", ["card_00419", "71051ad4-fde8-542c-bcc3-253b64962722", "0123456789012", "4111111111111112"]
)
def test_what_only_looks_like_a_card_number_is_kept(tmp_path: Path, text: str) -> None:
    found = one(tmp_path, line(id_=text, card=text))
    assert isinstance(found, Row) and found.card == text
