"""What the ledger says, after the real core decided and the real sinks wrote: budgets, controls, books."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.rows import dict_row

from api.api_settings import ApiSettings
from api.resources.budgets import clocks
from api.stores.postgres import Postgres, PostgresAway
from api.stores.sql import statement
from schemas.controls import Calendar, PeriodKind
from streams.core.calendar import clock_of, epoch_s
from tests.api.books import Books, Organization, rows, usd
from tests.api.support import Views

HOTEL = {"name": "Hotel Astoria", "mcc": "7011", "country": "DE", "id": "astoria-1"}


def payment(name: str, minor: int, **members: Any) -> dict[str, Any]:
    return {
        "authorization_id": name,
        "card_id": "card_ada",
        "amount": usd(minor),
        "merchant": HOTEL,
        **members,
    }


def test_an_authorization_shows_all_its_totals(company: Organization) -> None:
    company.start()
    foreign = {"merchant_amount": {"minor": 50_000, "currency": "EUR"}, "rate": "1.2"}
    company.done("authorization.requested", **payment("A1", 60_000, **foreign))
    company.done("authorization.incremented", **payment("A1", 10_000))
    company.done("authorization.reversed", authorization_id="A1", amount=usd(5_000))
    company.done("clearing.presented", **payment("A1", 40_000, final=False))
    company.done("refund.presented", **payment("A1", 2_000))
    opened: dict[str, Any] = {"dispute_id": "D1", "authorization_id": "A1", "amount": usd(3_000)}
    position = company.done("dispute.opened", **opened)["position"]
    found = company.read("/v1/authorizations/A1", position)
    totals = {name: value["minor"] for name, value in found.items() if _is_usd(value)}
    assert totals == {
        "requested": 60_000,
        "approved": 60_000,
        "authorized": 60_000,
        "incremented": 10_000,
        "reversed": 5_000,
        "expired": 0,
        "held": 25_000,
        "posted": 40_000,
        "refunded": 2_000,
        "disputed": 3_000,
        "recovered": 0,
    }
    assert (found["status"], found["response_code"]) == ("disputed", "00")
    assert (found["merchant_amount"], found["rate"]) == ({"minor": 50_000, "currency": "EUR"}, "1.2")
    assert found["merchant"] == HOTEL
    expires = datetime.fromisoformat(found["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < expires < timedelta(days=31)  # a hotel's hold
    won = company.done("dispute.resolved", dispute_id="D1", outcome="won")["position"]
    after = company.read("/v1/authorizations/A1", won)
    assert (after["recovered"], after["status"]) == (usd(3_000), "partially_cleared")


def _is_usd(value: object) -> bool:
    return isinstance(value, dict) and value.get("currency") == "USD"


def test_a_payment_that_nobody_asked_for_has_no_response_code(company: Organization) -> None:
    company.start()
    position = company.done("clearing.presented", **payment("F1", 700))["position"]
    found = company.read("/v1/authorizations/F1", position)
    assert (found["response_code"], found["posted"], found["alerts"]) == (
        None,
        usd(700),
        ["no_authorization"],
    )
    company.done("authorization.requested", **payment("D1", 90_000_000))
    position = company.done("clearing.presented", **payment("D1", 500))["position"]
    declined = company.read("/v1/authorizations/D1", position)
    assert (declined["response_code"], declined["approved"], declined["status"]) == ("61", usd(0), "cleared")


def test_budgets_of_all_levels_are_listed_with_their_current_figures(company: Organization) -> None:
    company.start(tolerance=50_000)
    company.done("card.set", card={"card_id": "card_ada", "team": "platform", "employee": "Ada"})
    company.done("budget.set", name="Ada", limit=usd(90_000), level="employee", subject="Ada", period="week")
    company.done("budget.set", name="Platform", limit=usd(80_000), level="team", subject="platform")
    company.done(
        "budget.set", name="Hotels", limit=usd(70_000), level="card", subject="card_ada", budget_id="hotels"
    )
    company.done("budget.increased", budget_id="hotels", amount=usd(500), ends_at="2099-01-01T00:00:00Z")
    position = company.done("authorization.requested", **payment("A1", 60_000))["position"]
    found = company.read(company.path("/budgets"), position)["budgets"]
    shown = [(budget["budget_id"], budget["limit"]["minor"], budget["held"]["minor"]) for budget in found]
    assert shown == [
        ("department", 5_000_000, 60_000),
        ("team:platform", 80_000, 60_000),
        ("hotels", 70_500, 60_000),
        ("employee:Ada", 90_000, 60_000),
    ]
    assert (found[0]["tolerance"], found[0]["available"]) == (usd(50_000), usd(4_940_000))
    assert (found[3]["level"], found[3]["subject"], found[3]["calendar"]["period"]) == (
        "employee",
        "Ada",
        "week",
    )
    one = company.read(company.path("/budgets/team:platform"), position)
    assert one == found[1]
    before = company.read(company.path("/budgets/employee:Ada"), period="2026-W01")
    assert (before["held"], before["limit"]) == (usd(0), usd(90_000))


def test_a_removed_budget_is_shown_by_its_id_only(company: Organization) -> None:
    company.start()
    company.done("budget.set", name="Platform", limit=usd(80_000), level="team", subject="platform")
    position = company.done("budget.removed", budget_id="team:platform")["position"]
    listed = company.read(company.path("/budgets"), position)["budgets"]
    assert [budget["budget_id"] for budget in listed] == ["department"]
    assert company.read(company.path("/budgets/team:platform"))["removed"] is True
    for missing in ("team:other", "team:plat/form", "%00"):
        answer = company.client.get(company.path(f"/budgets/{missing}"))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_budget")


def test_a_budget_that_was_removed_and_set_again_begins_without_its_increases(company: Organization) -> None:
    company.start()
    team: dict[str, Any] = {"name": "Platform", "limit": usd(1_000), "level": "team", "subject": "platform"}
    company.done("budget.set", **team)
    ends: dict[str, Any] = {"ends_at": "2099-01-01T00:00:00Z", "budget_id": "team:platform"}
    position = company.done("budget.increased", amount=usd(500), **ends)["position"]
    path = company.path("/budgets/team:platform")
    assert company.read(path, position)["limit"] == usd(1_500)
    removed = company.done("budget.removed", budget_id="team:platform")["position"]
    assert company.read(path, removed)["limit"] == usd(1_000)
    again = company.done("budget.set", **team)
    assert company.read(path, again["position"])["limit"] == usd(1_000) == again["balances"][0]["limit"]
    more = company.done("budget.increased", amount=usd(30), **ends)
    assert company.read(path, more["position"])["limit"] == usd(1_030) == more["balances"][0]["limit"]


def test_a_budget_of_a_subject_with_a_slash_is_found(company: Organization) -> None:
    company.start()
    members: dict[str, Any] = {
        "name": "R&D",
        "limit": usd(5),
        "level": "team",
        "subject": "r/d",
        "budget_id": "team:r/d",
    }
    position = company.done("budget.set", **members)["position"]
    assert company.read(company.path("/budgets/team:r%2Fd"), position)["subject"] == "r/d"


def test_an_increase_counts_while_it_lasts(company: Organization) -> None:
    company.start(limit=1_000)
    now = datetime.now(UTC)
    company.done("budget.increased", amount=usd(200), ends_at=(now + timedelta(hours=1)).isoformat())
    later = (now + timedelta(days=2)).isoformat()
    ends = (now + timedelta(days=3)).isoformat()
    position = company.done("budget.increased", amount=usd(5), starts_at=later, ends_at=ends)["position"]
    assert company.read(company.path("/budget"), position)["limit"] == usd(1_200)


_CALENDARS = (
    Calendar("day", "Asia/Kathmandu"),
    Calendar("day", "CET"),  # for PostgreSQL an offset without a summer
    Calendar("week", "WET"),
    Calendar("month", "Africa/Casablanca"),  # whose rules change with almost each edition
    Calendar("day", "Etc/GMT+5"),
    Calendar("year", "EST5EDT", 1, 7),
    Calendar("week", "America/New_York"),
    Calendar("week", "UTC", 7),
    Calendar("month", "Pacific/Auckland"),
    Calendar("month", "Europe/Berlin", 28),
    Calendar("quarter", "UTC"),
    Calendar("quarter", "America/St_Johns", 15, 2),
    Calendar("quarter", "UTC", 1, 4),
    Calendar("quarter", "UTC", 28, 12),
    Calendar("year", "Australia/Lord_Howe"),
    Calendar("year", "UTC", 6, 4),
    Calendar("year", "UTC", 28, 2),
    Calendar("lifetime", "UTC"),
)
CALENDARS = {f"{one.period}-{one.start_day}-{one.start_month}-{one.time_zone}": one for one in _CALENDARS}


def _moments() -> list[datetime]:
    chance = random.Random(1)
    found = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=17 * number) for number in range(1_100)]
    found += [datetime.fromtimestamp(chance.randrange(1_000_000_000, 4_000_000_000), UTC) for _ in range(200)]
    return found


@pytest.fixture(scope="module")
def current_periods(settings: ApiSettings) -> dict[str, list[tuple[datetime, str]]]:
    """By budget, one for each calendar: moments, and the period that the ledger says is current at each.

    All calendars are asked for at once: what a question costs are the offsets of all zones.
    """
    organization = f"org-{uuid.uuid4().hex[:12]}"
    views = Views(settings)
    for name, calendar in CALENDARS.items():
        views.budget(organization, "engineering", 100, calendar=calendar, budget_id=name)
    cursor = views.postgres.cursor(row_factory=dict_row)
    asked = {"organization_id": organization, "departments": ["engineering"], "budget_id": None}
    asked |= {"period": None, "subjects": None, "partition": None}
    found: dict[str, list[tuple[datetime, str]]] = {}
    for moment in _moments():
        row = cursor.execute(statement("budgets"), asked | clocks(moment)).fetchone()
        assert row is not None
        for budget in row["budgets"]:
            found.setdefault(budget["budget_id"], []).append((moment, budget["period"]))
    views.close()
    return found


@pytest.mark.parametrize("name", CALENDARS)
def test_current_periods_have_the_labels_of_the_core(
    current_periods: dict[str, list[tuple[datetime, str]]], name: str
) -> None:
    found, clock = current_periods[name], clock_of(CALENDARS[name])
    assert [moment for moment, _ in found] == _moments()
    for moment, period in found:
        assert period == clock.label(epoch_s(moment)), moment


def test_the_policy_in_force_and_its_versions_are_shown(company: Organization) -> None:
    position = company.done("budget.set", name="Engineering", limit=usd(100))["position"]
    default = company.read(company.path("/policy"), position)
    assert (default["version"], default["in_force"], default["drafted_at"]) == (0, True, None)
    assert [rule["rule_id"] for rule in default["policy"]["rules"]] == ["large-amount", "many-in-a-minute"]
    rule = {"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}
    company.done("policy.drafted", policy={"rules": [rule]})
    position = company.done("policy.drafted", policy={"hold_days": 3})["position"]
    assert company.read(company.path("/policy"), position)["version"] == 0
    activated = company.done("policy.activated", policy_version=1)["position"]
    found = company.read(company.path("/policy"), activated)
    assert (found["version"], found["policy"]["rules"], found["position"]) == (1, [rule], activated)
    versions = company.read(company.path("/policies"), activated)["policies"]
    assert [(version["version"], version["in_force"]) for version in versions] == [
        (2, False),
        (1, True),
        (0, False),
    ]
    assert versions[0]["activated_at"] is None


def test_cards_are_listed_page_by_page_and_shown_one_by_one(company: Organization) -> None:
    company.start()
    for number in (3, 1, 2):
        company.done("card.set", card={"card_id": f"card_{number}", "employee": "Ada", "single_use": True})
    position = company.done("card.frozen", card_id="card_2")["position"]
    first = company.read(company.path("/cards"), position, limit=2)
    assert [(card["card_id"], card["status"]) for card in first["cards"]] == [
        ("card_1", "active"),
        ("card_2", "frozen"),
    ]
    rest = company.read(company.path("/cards"), after=first["next"], limit=2)
    assert ([card["card_id"] for card in rest["cards"]], rest["next"]) == (["card_3"], None)
    one = company.read(company.path("/cards/card_2"))
    assert one == first["cards"][1]
    assert (one["single_use"], one["position"]) == (True, position)
    answer = company.client.get(company.path("/cards/none"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_card")


def test_balances_are_those_of_the_bookings_now_and_then(books: Books, company: Organization) -> None:
    company.start()
    asked = company.done("authorization.requested", **payment("A1", 60_000))["position"]
    cleared = company.done("clearing.presented", **payment("A1", 61_000))["position"]
    now = company.read(company.path("/balances"), cleared)
    [period] = now["periods"]
    assert (period["pending"], period["posted"], period["available"]) == (usd(0), usd(61_000), usd(4_939_000))
    added_up = company.read(company.path("/balances"), recorded_by="2100-01-01T00:00:00Z")
    assert added_up["periods"] == now["periods"]
    then = company.read(company.path("/balances"), as_of=asked)
    assert then["position"] == asked
    [period] = then["periods"]
    assert (period["pending"], period["posted"], period["available"]) == (usd(60_000), usd(0), usd(4_940_000))
    [(recorded_at,)] = rows(
        books,
        "SELECT recorded_at FROM decision WHERE partition = %s AND seq = %s",
        *map(int, asked.split(":")),
    )
    known = company.read(company.path("/balances"), recorded_by=recorded_at.isoformat())
    assert known["periods"] == then["periods"]
    long_ago = company.read(company.path("/balances"), occurred_by="2020-01-01T00:00:00Z")
    assert long_ago["periods"] == []


def test_accounts_add_up_and_the_trial_balance_is_zero(company: Organization) -> None:
    company.start()
    company.done("authorization.requested", **payment("A1", 60_000))
    asked = company.done("authorization.requested", **payment("A2", 1_000))["position"]
    position = company.done("clearing.presented", **payment("A1", 61_000))["position"]
    found = company.read(company.path("/accounts"), position)["accounts"]
    balances = {account["account"].rpartition(":")[2]: account["balance"]["minor"] for account in found}
    assert balances == {
        "encumbrance": 1_000,
        "encumbrance-reserve": -1_000,
        "card-spend": 61_000,
        "card-payable": -61_000,
    }
    then = company.read(company.path("/accounts"), as_of=asked)["accounts"]
    assert {account["balance"]["minor"] for account in then} == {61_000, -61_000}
    trial = company.read(f"/v1/organizations/{company.id}/trial-balance", position)
    assert trial["balanced"] is True
    assert [(line["layer"], line["total"], line["entries"]) for line in trial["lines"]] == [
        ("pending", usd(0), 6),
        ("posted", usd(0), 2),
    ]


def test_a_position_of_another_partition_is_named(company: Organization) -> None:
    position = company.start()
    company.read(company.path("/budget"), position)
    partition = int(position.partition(":")[0])
    other = f"{(partition + 1) % 4}:0"
    for path in ("/balances", "/accounts"):
        answer = company.client.get(company.path(path), params={"as_of": other}, headers={"Prefer": "wait=2"})
        if answer.status_code == 503:  # nothing was decided in that partition yet
            assert answer.json()["code"] == "view_behind_position"
            continue
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "another_partition")
    malformed = company.client.get(company.path("/balances"), params={"as_of": "x"})
    assert malformed.json()["errors"][0]["field"] == "query.as_of"


PATHS = (
    "/budget",
    "/budgets",
    "/increase-requests",
    "/policy",
    "/policies",
    "/cards",
    "/balances",
    "/accounts",
)


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_department_and_another_organization_are_404(company: Organization, path: str) -> None:
    for department in ("nowhere", "_treasury", "a%20b"):
        answer = company.client.get(company.path(path, department))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_department")
    theirs = company.client.get(f"/v1/organizations/someone-else/departments/engineering{path}")
    assert theirs.json()["code"] == "no_such_resource"


@pytest.mark.parametrize("path", PATHS)
def test_each_read_waits_for_its_position(books: Books, company: Organization, path: str) -> None:
    company.start()
    with books.behind():
        position = company.done("clock.ticked")["position"]
        headers = {"Spendlog-Position": position, "Prefer": "wait=0"}
        behind = company.client.get(company.path(path), headers=headers)
        assert (behind.status_code, behind.json()["code"]) == (503, "view_behind_position"), behind.text
    assert company.read(company.path(path), position)


KINDS: tuple[PeriodKind, ...] = ("day", "week", "month", "quarter", "year", "lifetime")


@pytest.mark.parametrize("kind", KINDS)
def test_a_departments_budget_may_have_any_calendar(company: Organization, kind: PeriodKind) -> None:
    body = {"name": "Engineering", "limit": usd(100), "period": kind}
    answer = company.client.put(company.path("/budget"), json=body, headers={"Idempotency-Key": "set"})
    assert answer.status_code == 200, answer.text
    found = company.read(company.path("/budget"), answer.json()["position"])
    assert found["period"] == clock_of(Calendar(kind)).label(epoch_s(datetime.now(UTC)))
    assert company.read(company.path("/budget"), period=found["period"]) == found


def test_a_report_that_takes_too_long_does_not_stop_the_quick_looks(settings: ApiSettings) -> None:
    async def ask() -> None:
        postgres = Postgres(settings.postgres, connections_max=2)
        await postgres.open()
        with pytest.raises(PostgresAway, match="longer than"):
            await postgres.row("SELECT pg_sleep(5)", timeout_s=1.0)
        assert await postgres.row("SELECT 1 AS one") == {"one": 1}
        await postgres.close()

    asyncio.run(ask())
