"""Reports: every figure is SQL on the ledger, every total a sum, and everybody sees as far as he reaches."""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import psycopg
import pytest

from api.access.roles import Role
from api.reports.report import TITLES, ReportKind
from api.reports.spend import SIDES
from tests.api.books import Books, Organization, rows
from tests.api.people import member, sign_in
from tests.infra.support import spendlog

DEPARTMENTS = (("engineering", "USD"), ("sales", "USD"), ("tokyo", "JPY"))
TODAY = datetime.now(UTC)
Cells = list[list[Any]]


def money(minor: int, currency: str) -> dict[str, Any]:
    return {"minor": minor, "currency": currency}


@pytest.fixture(scope="module")
def company(books: Books) -> Iterator[Organization]:
    """Four months of purchases by chance: cleared higher and lower, refunded, taken back, declined."""
    chance = random.Random(14)
    with books.organization() as company:
        position = ""
        for department, currency in DEPARTMENTS:
            then = (TODAY - timedelta(days=125)).isoformat()
            company.done(
                "budget.set", department_id=department, name=department.title(),
                limit=money(40_000_000, currency), time_zone="America/New_York", occurred_at=then,
            )  # fmt: skip
            company.done(
                "policy.drafted", department_id=department, policy={}, activate=True, occurred_at=then
            )
            for who in ("ada", "bea"):
                card: dict[str, Any] = {
                    "card_id": f"card_{department}_{who}",
                    "employee": f"{who}@co.example",
                    "team": f"t-{who}",
                }
                company.done("card.set", department_id=department, card=card, occurred_at=then)
            for n in range(14):
                position = _purchase(company, chance, department, currency, n)
        company.read("/v1/journal-entries", position)
        for department, _ in DEPARTMENTS:
            last = company.done("clock.ticked", department_id=department)["position"]
            company.read("/v1/journal-entries", last)
        yield company


def _purchase(company: Organization, chance: random.Random, department: str, currency: str, n: int) -> str:
    at = TODAY - timedelta(days=120 - 9 * n + chance.random() * 8)
    about: dict[str, Any] = {
        "department_id": department,
        "card_id": f"card_{department}_{chance.choice(('ada', 'bea'))}",
    }
    name, amount = f"{department}-{n}", chance.randrange(1_000, 90_000)
    if n % 7 == 6:
        amount = 50_000_000  # above the budget
    merchant = {
        "name": chance.choice(("Delta", "=SUM(A1)", "Café", "AWS")),
        "mcc": chance.choice(("4511", "5734", "5812")),
    }
    asked = company.done(
        "authorization.requested", **about, authorization_id=name, amount=money(amount, currency),
        merchant=merchant, occurred_at=at.isoformat(),
    )  # fmt: skip
    position: str = asked["position"]
    if asked["outcome"] == "declined" or n % 5 == 4:
        return position
    later = (at + timedelta(hours=7)).isoformat()
    cleared = amount + chance.choice((0, 250, -250))
    position = company.done(
        "clearing.presented",
        **about,
        authorization_id=name,
        amount=money(cleared, currency),
        occurred_at=later,
    )["position"]
    after = (at + timedelta(hours=30)).isoformat()
    if n % 4 == 1:
        refund: dict[str, Any] = {
            "refund_id": f"r-{name}",
            "amount": money(700, currency),
            "occurred_at": after,
        }
        position = company.done("refund.presented", **about, authorization_id=name, **refund)["position"]
    elif n % 4 == 2:
        seq = int(position.partition(":")[2])
        undone = company.done(
            "posting.reversed", department_id=department, authorization_id=name, seq=seq, occurred_at=after
        )
        position = undone["position"]
    return position


def report(client: httpx.Client, kind: str, **params: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/reports/{kind}", params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


SIDE_SQL = {
    "department": "e.department_id",
    "team": "c.team",
    "person": "coalesce(c.employee, a.cardholder)",
    "merchant": "a.body -> 'merchant' ->> 'name'",
}


def ledger(
    books: Books, company: Organization, side: str, first: date, last: date
) -> dict[tuple[str, str], int]:
    """By another way than the report's: the entries of the accounts of spending, on the days of New York."""
    found = rows(
        books,
        f"SELECT e.currency, {SIDE_SQL[side]}, sum(e.amount)::bigint FROM entry e"
        " JOIN card_authorization a USING (organization_id, authorization_id, department_id)"
        " LEFT JOIN card c ON c.organization_id = e.organization_id AND c.card_id = a.card_id"
        " AND c.department_id = e.department_id"
        " WHERE e.organization_id = %s AND e.account ~ '(card-spend|fx-difference)$'"
        " AND (e.occurred_at AT TIME ZONE 'America/New_York')::date BETWEEN %s AND %s GROUP BY 1, 2",
        company.id,
        first,
        last,
    )
    return {(currency, name): minor for currency, name, minor in found if minor}


def told(section: dict[str, Any], at: int = 1) -> dict[tuple[str, str], int]:
    return {
        (row[at]["currency"], row[0].lower()): row[at]["minor"] for row in section["rows"] if row[at]["minor"]
    }


SPANS = [(random.Random(n).randrange(0, 130), random.Random(n + 50).randrange(0, 70)) for n in range(6)]


@pytest.mark.parametrize(("ago", "days"), SPANS)
def test_spend_is_what_the_ledger_booked_and_so_is_the_period_before(
    books: Books, company: Organization, ago: int, days: int
) -> None:
    last = TODAY.date() - timedelta(days=ago)
    first = last - timedelta(days=days)
    found = report(company.client, "spend", first=str(first), last=str(last))
    assert [one["title"] for one in found["sections"]] == [f"By {side}" for side in SIDES]
    assert (found["first"], found["last"], found["time_zone"]) == (str(first), str(last), "America/New_York")
    before_days = re.findall(r"\d{4}-\d\d-\d\d", found["sections"][0]["note"])
    before = [date.fromisoformat(day) for day in before_days]
    for side, section in zip(SIDES, found["sections"], strict=True):
        if side in SIDE_SQL:
            expected = {(c, n.lower()): m for (c, n), m in ledger(books, company, side, first, last).items()}
            assert told(section) == expected
            earlier = ledger(books, company, side, before[0], before[1])
            assert told(section, at=4) == {(c, n.lower()): m for (c, n), m in earlier.items()}
        whole: dict[str, int] = defaultdict(int)
        for (currency, _), minor in ledger(books, company, "department", first, last).items():
            whole[currency] += minor
        totals = {row[1]["currency"]: row[1]["minor"] for row in section["totals"]}
        assert {key: total for key, total in totals.items() if total} == {k: v for k, v in whole.items() if v}


def test_a_trend_s_parts_are_the_spend_of_each_month(books: Books, company: Organization) -> None:
    (section,) = report(company.client, "trend")["sections"]
    months = [row for row in section["rows"] if row[1]["currency"] == "USD"]
    assert len(months) == 12
    for row in months:
        first = date.fromisoformat(f"{row[0]}-01")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        booked = ledger(books, company, "department", first, last)
        assert row[1]["minor"] == sum(minor for (currency, _), minor in booked.items() if currency == "USD")


def test_declines_budgets_and_the_close_say_what_tables_say(books: Books, company: Organization) -> None:
    days = {"first": str(TODAY.date() - timedelta(days=140)), "last": str(TODAY.date())}
    reasons = report(company.client, "declines", **days)["sections"][0]
    (declined,) = rows(
        books,
        "SELECT count(*) FROM card_authorization WHERE organization_id = %s AND status = 'declined'",
        company.id,
    )[0]
    assert sum(row[2] for row in reasons["rows"]) == declined > 0
    budgets = report(company.client, "budgets")["sections"][0]
    kept = rows(
        books,
        "SELECT department_id, limit_minor, posted_minor, held_minor FROM budget_period"
        " WHERE organization_id = %s AND budget_id = 'department' AND period = %s",
        company.id,
        budgets["rows"][0][2],
    )
    shown = {row[0].lower(): [row[n]["minor"] for n in (3, 4, 5)] for row in budgets["rows"]}
    assert {name: figures for name, *figures in kept}.items() <= shown.items()
    assert all(
        row[3]["minor"] - row[4]["minor"] - row[5]["minor"] == row[6]["minor"] for row in budgets["rows"]
    )
    close = {one["title"]: one for one in report(company.client, "month-end", **days)["sections"]}
    balances = rows(
        books,
        "SELECT account, currency, sum(amount)::bigint FROM entry WHERE organization_id = %s GROUP BY 1, 2",
        company.id,
    )
    closing = {(row[0], row[5]["currency"]): row[5]["minor"] for row in close["Accounts"]["rows"]}
    assert closing == {(account, currency): total for account, currency, total in balances}
    for total in close["Accounts"]["totals"]:
        assert (total[2]["minor"], total[5]["minor"], total[3]) == (0, 0, total[4])
    held = {row[0].lower(): row[2]["minor"] for row in close["Still open"]["rows"] if row[1] == "held"}
    assert held == dict(
        rows(
            books,
            "SELECT department_id, sum(held)::bigint FROM card_authorization WHERE organization_id = %s"
            " AND held > 0 GROUP BY 1",
            company.id,
        )
    )


def test_a_forecast_goes_on_at_the_same_pace(company: Organization) -> None:
    (section,) = report(company.client, "forecast")["sections"]
    assert {row[0] for row in section["rows"]} == {"Engineering", "Sales", "Tokyo"}
    for row in section["rows"]:
        if row[4] is not None:
            assert row[4]["minor"] >= row[3]["minor"]
            assert row[2]["minor"] - row[4]["minor"] == row[5]["minor"]
            assert (row[6] is not None) == (row[5]["minor"] < 0)


_NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def cells_of(body: bytes, number: int) -> tuple[dict[str, str], dict[str, str]]:
    """Values and formulas of a sheet by their addresses, as the file has them."""
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        strings = [
            "".join(one.itertext()) for one in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
        sheet = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    values, formulas = {}, {}
    for cell in sheet.iterfind(".//m:c", _NS):
        where, value = cell.attrib["r"], cell.findtext("m:v", "", _NS)
        values[where] = strings[int(value)] if cell.get("t") == "s" else value
        if (formula := cell.findtext("m:f", None, _NS)) is not None:
            formulas[where] = formula
    return values, formulas


def worked_out(formula: str, values: dict[str, str]) -> Decimal:
    """`SUMIF(H4:H9,H11,B4:B9)`, added up by us."""
    match = re.fullmatch(r"SUMIF\(([A-Z]+)(\d+):\1(\d+),(\1\d+),([A-Z]+)\2:\5\3\)", formula)
    assert match is not None, formula
    where, first, last, wanted, column = match.groups()
    return sum(
        (
            Decimal(values.get(f"{column}{row}") or 0)
            for row in range(int(first), int(last) + 1)
            if values[f"{where}{row}"] == values[wanted]
        ),
        Decimal(0),
    )


@pytest.mark.parametrize("kind", ["spend", "trend", "declines", "budgets", "forecast", "month-end"])
def test_a_workbook_s_formulas_add_up_to_the_report_s_totals(company: Organization, kind: str) -> None:
    days = {"first": str(TODAY.date() - timedelta(days=140)), "last": str(TODAY.date())}
    found = report(company.client, kind, **days)
    body = company.client.get(f"/v1/reports/{kind}", params={**days, "format": "xlsx"}).content
    formulas_seen = 0
    for number, section in enumerate(found["sections"], 1):
        values, formulas = cells_of(body, number)
        formulas_seen += len(formulas)
        for where, formula in formulas.items():
            assert worked_out(formula, values) == Decimal(values[where]), (kind, number, where)
        totals = [cell for row in section["totals"] for cell in row[1:] if cell is not None]
        expected = [
            Decimal(cell["minor"]).scaleb(0 if cell["currency"] == "JPY" else -2)
            if isinstance(cell, dict)
            else cell
            for cell in totals
        ]
        assert [Decimal(values[where]) for where in formulas] == expected
    assert formulas_seen > 0


def test_a_csv_has_all_tables_and_nothing_that_a_spreadsheet_runs(company: Organization) -> None:
    days = {"first": str(TODAY.date() - timedelta(days=140)), "last": str(TODAY.date())}
    text = company.client.get("/v1/reports/spend", params={**days, "format": "csv"}).content.decode(
        "utf-8-sig"
    )
    table = list(csv.reader(io.StringIO(text)))
    assert [row[0] for row in table if len(row) == 1][1:] == [f"By {side}" for side in SIDES]
    assert any(row and row[0] == "'=SUM(A1)" for row in table)
    assert not any(cell.startswith(("=", "+", "@")) for row in table for cell in row)


def test_everybody_reads_as_far_as_he_reaches(books: Books, company: Organization) -> None:
    days = {"first": str(TODAY.date() - timedelta(days=140)), "last": str(TODAY.date())}
    whole = told(report(company.client, "spend", by="person", **days)["sections"][0])
    employee = member(books.settings.postgres, company.id, Role.EMPLOYEE, employee="ada@co.example")
    manager = member(books.settings.postgres, company.id, Role.FINANCE_MANAGER, departments=("sales",))
    with sign_in(books.base_url, employee) as ada:
        own = told(report(ada, "spend", by="person", **days)["sections"][0])
        # Named as a member now, and the same money.
        mine = sorted(minor for (_, name), minor in whole.items() if name.startswith("ada"))
        assert sorted(own.values()) == mine != []
        assert {
            ada.get(f"/v1/reports/{kind}").status_code for kind in ("budgets", "forecast", "month-end")
        } == {403}
    with sign_in(books.base_url, manager) as of_sales:
        assert {
            name for _, name in told(report(of_sales, "spend", by="department", **days)["sections"][0])
        } == {"sales"}
        assert [row[0] for row in report(of_sales, "budgets")["sections"][0]["rows"]] == ["Sales"]
        accounts = {one["title"]: one for one in report(of_sales, "month-end", **days)["sections"]}[
            "Accounts"
        ]
        assert not any("engineering" in row[0] or "tokyo" in row[0] for row in accounts["rows"])
    with books.organization() as other:
        other.start()
        assert report(other.client, "spend", **days)["sections"][0]["rows"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"first": "2026-02-01"}, "query.last"),
        ({"first": "2026-03-01", "last": "2026-02-01"}, "query.first"),
        ({"first": "1026-03-01", "last": "2026-02-01"}, "query.first"),
        ({"first": "never", "last": "2026-02-01"}, "query.first"),
        ({"period": "next_month"}, "query.period"),
        ({"by": "colour"}, "query.by.0"),
        ({"format": "pdf"}, "query.format"),
    ],
)
def test_what_is_wrong_with_a_report_is_named(
    company: Organization, params: dict[str, str], field: str
) -> None:
    answer = company.client.get("/v1/reports/spend", params=params)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])


def test_who_reads_bookings_for_reports_can_only_read_one_organization(
    books: Books, company: Organization
) -> None:
    with psycopg.connect(books.settings.postgres, options="-c role=spendlog_questions") as connection:
        assert connection.execute("SELECT count(*) FROM transfer").fetchone() == (0,)
        connection.execute("SELECT set_config('spendlog.organization', %s, false)", [company.id])
        seen = connection.execute("SELECT DISTINCT organization_id FROM transfer").fetchall()
        assert seen == [(company.id,)]


def test_the_page_and_the_command_show_the_same(books: Books, company: Organization, tmp_path: Path) -> None:
    total = report(company.client, "spend", period="this_year")["sections"][0]["totals"][0][1]
    employee = member(books.settings.postgres, company.id, Role.EMPLOYEE, employee="ada@co.example")
    auditor = member(books.settings.postgres, company.id, Role.AUDITOR)
    with sign_in(books.base_url, auditor) as looking:
        for kind in ReportKind:
            shown = looking.get("/reports", params={"report": kind.value, "period": "this_year"})
            assert shown.status_code == 200, shown.text
            assert f"<h1>{TITLES[kind]}</h1>" in shown.text
        taken = looking.get("/reports.xlsx", params={"report": "spend", "period": "this_year"})
        assert cells_of(taken.content, 1)[1]
    with sign_in(books.base_url, employee) as ada:
        assert "By merchant" in ada.get("/reports").text
        assert "Month-end" not in ada.get("/reports").text
        assert ada.get("/reports", params={"report": "month-end"}).status_code == 403
    env = {
        "SPENDLOG_API_URL": books.base_url,
        "SPENDLOG_API_KEY": company.client.headers["authorization"].removeprefix("Bearer "),
    }
    told_ = spendlog("reports", "show", "spend", "--period", "this_year", env=env)
    amount = Decimal(total["minor"]).scaleb(0 if total["currency"] == "JPY" else -2)
    assert f"{amount:,f} {total['currency']}" in told_.stdout, told_.stderr
    out = tmp_path / "spend.csv"
    assert spendlog("reports", "show", "spend", "--out", out, env=env).returncode == 0
    assert out.read_text(encoding="utf-8-sig").lstrip('"').startswith("Spend, ")
