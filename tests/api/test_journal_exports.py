"""The journal as other programs read it: bean-check and hledger accept it, and sums are the ledger's."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from ofxtools.Parser import OFXTree

from api.reports.journal import postings
from api.reports.journal.chart import AccountName, part_of
from api.reports.journal.formats import Beancount, DoubleEntry, Hledger
from api.reports.journal.postings import JournalPosting
from tests.api.books import Books, Organization, rows
from tests.infra.support import spendlog

PATH = "/v1/journal-exports"
Sums = dict[tuple[str, str], Decimal]
#: Names that would break out of a line, a string, a comment or a cell.
MERCHANTS = ('Bob\'s "Best" \\ Burgers', "; drop | it", "=HYPERLINK(1)", "Café 東京 * !", "  a  (1:2:3) b")


def money(minor: int, currency: str = "USD") -> dict[str, Any]:
    return {"minor": minor, "currency": currency}


@pytest.fixture(scope="module")
def company(books: Books) -> Iterator[Organization]:
    """Three departments, three currencies, every kind of posting."""
    with books.organization() as company:
        company.start()
        for department, currency in (("Ops.Team_1", "JPY"), ("sales", "BHD")):
            company.done(
                "budget.set", department_id=department, name=department, limit=money(9_000_000, currency)
            )
            company.done("policy.drafted", department_id=department, policy={}, activate=True)
        mccs = ("4511", "5814", "5734", None, "7011")
        for n, merchant in enumerate(MERCHANTS):
            for department, currency in (("engineering", "USD"), ("Ops.Team_1", "JPY"), ("sales", "BHD")):
                shop = {"name": merchant} | ({"mcc": mccs[n]} if mccs[n] else {})
                paid = {
                    "department_id": department,
                    "authorization_id": f"{department}-{n}",
                    "card_id": "card_a",
                }
                amount = money(10_001 + n, currency)
                company.done("authorization.requested", **paid, amount=amount, merchant=shop)
                last = company.done("clearing.presented", **paid, amount=money(10_001 + 2 * n, currency))
                company.read("/v1/journal-entries", last["position"])
        _aftermath(company)
        yield company


def _aftermath(company: Organization) -> None:
    first = {"authorization_id": "engineering-0", "card_id": "card_a"}
    company.done("refund.presented", refund_id="r1", amount=money(501), **first)
    position = company.done(
        "clearing.presented", authorization_id="forced", card_id="card_a", amount=money(77)
    )["position"]
    company.done("posting.reversed", authorization_id="forced", seq=int(position.partition(":")[2]))
    company.done(
        "dispute.opened", dispute_id="d1", authorization_id="engineering-1", amount=money(1_000),
        provisional_credit=True,
    )  # fmt: skip
    last = company.done("dispute.resolved", dispute_id="d1", outcome="won")
    company.read("/v1/journal-entries", last["position"])


def exported(company: Organization, format: str, **more: Any) -> bytes:
    answer = company.client.post(PATH, json={"format": format, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="journal-org-')
    return answer.content


def ledger_sums(books: Books, company: Organization) -> Sums:
    """By department's spend, and by the other accounts, straight from the table; what is zero is left out."""
    found: Sums = defaultdict(Decimal)
    for account, currency, minor in rows(
        books,
        "SELECT account, currency, sum(amount)::bigint FROM entry"
        " WHERE organization_id = %s AND layer = 'posted' GROUP BY account, currency",
        company.id,
    ):
        owner, _, kind = account.partition(":")[2].rpartition(":")
        name = part_of(owner.partition("/")[2]) if "/" in owner else kind.capitalize()
        found[name, currency] += Decimal(minor).scaleb({"USD": -2, "JPY": 0, "BHD": -3}[currency])
    return {key: total for key, total in found.items() if total}


def by_second_part(sums: Sums) -> Sums:
    """`Expenses:Sales:Airline` to `Sales`."""
    found: Sums = defaultdict(Decimal)
    for (account, currency), total in sums.items():
        found[account.split(":")[1], currency] += total
    return {key: total for key, total in found.items() if total}


def beancount_sums(text: str) -> Sums:
    entries, errors, _ = loader.load_string(text)
    assert errors == []
    found: Sums = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                assert posting.units is not None and isinstance(posting.units.number, Decimal)
                found[posting.account, posting.units.currency] += posting.units.number
    return found


def hledger_sums(text: str) -> Sums:
    """By a reading of our own, and by hledger itself where it is installed."""
    found: Sums = defaultdict(Decimal)
    for account, amount, currency in re.findall(r"^    (\S+)  (-?[\d.]+) ([A-Z]{3})$", text, re.M):
        found[account, currency] += Decimal(amount)
    if binary := shutil.which("hledger"):
        run = [binary, "-f", "-", "--strict"]
        subprocess.run([*run, "check"], input=text, text=True, check=True, timeout=60)
        balance = [*run, "balance", "--flat", "-N", "-O", "csv", "--layout=tidy"]
        flat = subprocess.run(
            balance, input=text, text=True, check=True, capture_output=True, timeout=60
        ).stdout
        told = {
            (row["account"], row["commodity"]): Decimal(row["value"])
            for row in csv.DictReader(io.StringIO(flat))
            if row["value"] not in ("", "0")
        }
        assert told == {key: total for key, total in found.items() if total}
    return found


def csv_sums(text: str) -> Sums:
    found: Sums = defaultdict(Decimal)
    sides: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))):
        amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        found[row["account"], row["currency"]] += amount
        sides[row["entry"]] += amount
        assert not row["payee"].startswith(("=", "+", "-", "@"))
    assert set(sides.values()) == {Decimal(0)}
    return found


READERS = {"beancount": beancount_sums, "hledger": hledger_sums, "csv": csv_sums}


@pytest.mark.parametrize("format", READERS)
def test_sums_of_an_export_are_those_of_the_ledger_page_by_page(
    books: Books, company: Organization, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = exported(company, format).decode()
    monkeypatch.setattr(postings, "PAGE", 4)
    assert exported(company, format).decode() == whole
    assert by_second_part(READERS[format](whole)) == ledger_sums(books, company) != {}


def test_a_statement_in_ofx_says_what_is_owed(books: Books, company: Organization) -> None:
    tree = OFXTree()
    tree.parse(io.BytesIO(exported(company, "ofx")))
    owed = {key[1]: total for key, total in ledger_sums(books, company).items() if key[0] == "Card-payable"}
    statements = {one.curdef: one for one in tree.convert().statements}
    assert {currency: one.balance.balamt for currency, one in statements.items()} == owed
    for currency, one in statements.items():
        assert sum(each.trnamt for each in one.transactions) == owed[currency]
        assert len({each.fitid for each in one.transactions}) == len(one.transactions)


def test_parts_by_time_have_each_entry_once_and_a_department_its_own(company: Organization) -> None:
    recorded = [
        entry["recorded_at"]
        for entry in company.read("/v1/journal-entries", order="oldest", layer="posted")["journal_entries"]
    ]
    middle = recorded[len(recorded) // 2]
    ids = [
        re.findall(r"^\d{4}-\d\d-\d\d \* \((\S+)\)", exported(company, "hledger", **part).decode(), re.M)
        for part in ({"until": middle}, {"since": middle}, {})
    ]
    assert ids[0] and ids[1]
    assert ids[0] + ids[1] == ids[2]
    assert len(set(ids[2])) == len(recorded)
    own = beancount_sums(exported(company, "beancount", department_id="sales").decode())
    assert {currency for _, currency in own} == {"BHD"}
    assert exported(company, "beancount", until="2020-01-01T00:00:00Z").decode().endswith("; 0 entries\n")


def test_a_chart_says_on_which_account_by_department_category_and_code(company: Organization) -> None:
    chart = [
        {"account": "card-spend", "mcc": "5734", "name": "Expenses:Software", "code": "6400"},
        {
            "account": "card-spend",
            "department_id": "engineering",
            "category": "airline",
            "name": "Expenses:Air",
        },
        {"account": "card-spend", "category": "uncategorized", "name": "Expenses:Other"},
        {"account": "card-payable", "name": "Liabilities:Card:Acme", "code": "2100"},
    ]
    text = exported(company, "csv", chart=chart).decode()
    accounts = {(row["department"], row["mcc"], row["account"], row["account code"])
                for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
                if row["entry"] and not row["account"].startswith("Liabilities:Prov")}  # fmt: skip
    assert ("sales", "5734", "Expenses:Software", "6400") in accounts
    assert ("engineering", "4511", "Expenses:Air", "") in accounts
    assert ("sales", "4511", "Expenses:Sales:Airline", "") in accounts
    assert ("sales", "", "Expenses:Other", "") in accounts
    assert {code for _, _, name, code in accounts if name == "Liabilities:Card:Acme"} == {"2100"}
    beancount_sums(exported(company, "beancount", chart=chart).decode())
    hledger_sums(exported(company, "hledger", chart=chart).decode())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "qif"}, "body.format"),
        ({"format": "csv", "chart": [{"account": "card-spend", "name": "Spend"}]}, "body.chart.0.name"),
        (
            {"format": "csv", "chart": [{"account": "card-spend", "name": "Expenses:a b"}]},
            "body.chart.0.name",
        ),
        (
            {"format": "csv", "chart": [{"account": "encumbrance", "name": "Assets:A"}]},
            "body.chart.0.account",
        ),
        (
            {"format": "csv", "chart": [{"account": "card-spend", "category": "fun", "name": "Assets:A"}]},
            "body.chart.0.category",
        ),
        ({"format": "csv", "since": "2999-01-01T00:00:00Z"}, "body.since"),
    ],
)
def test_what_is_wrong_is_named(company: Organization, body: dict[str, Any], field: str) -> None:
    answer = company.client.post(PATH, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


PLAIN = JournalPosting(
    entry_id="1:2:3:0",
    day=date(2026, 3, 1),
    kind="clearing",
    amount=Decimal("1.50"),
    currency="USD",
    debit=AccountName("Expenses:A", ""),
    credit=AccountName("Liabilities:B", ""),
    owes=1,
    department_id="sales",
    payee="",
    authorization_id="",
    card_id="",
    person="",
    mcc="",
    position="1:2",
)


@given(st.text(max_size=40), st.text(max_size=20))
@settings(max_examples=60)
def test_no_name_of_a_merchant_changes_what_is_booked(payee: str, payment: str) -> None:
    one = replace(PLAIN, payee=payee, authorization_id=payment)
    beancount = Beancount()
    text = (beancount.head("o") + beancount.lines([one]) + beancount.tail()).decode()
    assert beancount_sums(text) == {
        ("Expenses:A", "USD"): Decimal("1.50"),
        ("Liabilities:B", "USD"): Decimal("-1.50"),
    }
    head, *lines = Hledger().lines([one]).decode().split("\n\n")[1].splitlines()
    assert head.startswith("2026-03-01 * (1:2:3:0) ") and ";" not in head and head.count("|") == 1
    assert len(lines) == 2
    table = list(csv.reader(io.StringIO(DoubleEntry().lines([one]).decode())))
    assert [len(row) for row in table] == [15, 15]


@given(st.sets(st.from_regex("[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True), min_size=2, max_size=20))
def test_two_departments_never_share_an_account(names: set[str]) -> None:
    parts = {part_of(name) for name in names}
    assert len(parts) == len(names)
    assert all(re.fullmatch("[A-Z0-9][A-Za-z0-9-]*", part) for part in parts)


def test_the_command_writes_a_file_whole_or_leaves_it_as_it_was(
    books: Books, company: Organization, tmp_path: Path
) -> None:
    chart = tmp_path / "chart.toml"
    chart.write_text('[[accounts]]\naccount = "card-spend"\nname = "Expenses:All"\n')
    out = tmp_path / "books.beancount"
    env = {
        "SPENDLOG_API_URL": books.base_url,
        "SPENDLOG_API_KEY": company.client.headers["authorization"].removeprefix("Bearer "),
    }
    done = spendlog("export", "journal", out, "--chart", chart, env=env)
    assert done.returncode == 0, done.stderr
    assert {account for account, _ in beancount_sums(out.read_text())} >= {"Expenses:All"}
    before = out.read_bytes()
    for wrong in ('[[accounts]]\naccount = "card-spend"\nname = "Spend"\n', "[accounts", "[other]\na = 1\n"):
        chart.write_text(wrong)
        refused = spendlog("export", "journal", out, "--chart", chart, env=env)
        assert (refused.returncode, refused.stderr.startswith("error: ")) == (1, True)
        assert "chart" in refused.stderr
        assert (out.read_bytes(), sorted(path.name for path in tmp_path.iterdir())) == (
            before,
            ["books.beancount", "chart.toml"],
        )
