"""Reports that are made by themselves: set by who may, due by the days of the organization, kept."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from api.access.keys import Scope, create_key
from api.api_settings import ApiSettings
from tests.api.books import Books, Organization
from tests.sinks.conftest import query

PATH = "/v1/report-schedules"
MONTHLY = {"report": "month-end", "every": "month", "mail_to": ["cfo@techcorp.example"]}
_KEEP = """
INSERT INTO report_file (organization_id, schedule_id, due_at, name, media_type, content)
VALUES (%s, 'monthly', now(), 'close.csv', 'text/csv', 'a,b') RETURNING file_id
"""


def test_it_is_set_changed_paused_and_ended(company: Organization, books: Books) -> None:
    company.start(time_zone="Europe/Berlin")
    first = company.client.put(f"{PATH}/monthly", json=MONTHLY | {"starts_at": "2031-01-01T06:00:00+01:00"})
    assert first.status_code == 200, first.text
    told = first.json()
    assert (told["time_zone"], told["next_at"], told["period"]) == (
        "Europe/Berlin",
        "2031-01-01T05:00:00Z",
        "last_month",
    )
    paused = company.client.put(f"{PATH}/monthly", json=MONTHLY | {"paused": True}).json()
    assert (paused["paused"], paused["next_at"]) == (True, told["next_at"])
    assert company.read(PATH)["schedules"] == [paused]
    audit = query(
        books.settings.postgres,
        "SELECT before, after FROM audit_record WHERE resource = %s AND organization_id = %s ORDER BY seq",
        f"{PATH}/monthly",
        company.id,
    )
    assert [(row[0] or {}).get("paused") for row in audit] == [None, False]
    assert audit[1][1]["paused"] is True
    assert company.client.delete(f"{PATH}/monthly").status_code == 204
    assert company.client.delete(f"{PATH}/monthly").json()["code"] == "unknown_report_schedule"


@pytest.mark.parametrize(
    "wrong",
    [
        {"report": "gossip"},
        {"every": "year"},
        {"format": "pdf"},
        {"mail_to": ["nobody"]},
        {"period": "tomorrow"},
        {"starts_at": "2031-01-01T06:00:00"},
        {"paused": "no"},
    ],
)
def test_what_is_wrong_with_it_is_said(company: Organization, wrong: dict[str, object]) -> None:
    answer = company.client.put(f"{PATH}/monthly", json=MONTHLY | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"].startswith(f"body.{next(iter(wrong))}")


def test_a_report_that_was_made_is_taken_by_its_organization_alone(
    company: Organization, books: Books
) -> None:
    with psycopg.connect(books.settings.postgres, autocommit=True) as connection:
        row = connection.execute(_KEEP, [company.id]).fetchone()
    assert row is not None
    (found,) = company.read("/v1/report-files")["files"]
    assert (found["file_id"], found["bytes"]) == (row[0], 3)
    taken = company.client.get(f"/v1/report-files/{row[0]}/content")
    assert (taken.content, "close.csv" in taken.headers["content-disposition"]) == (b"a,b", True)
    with books.organization() as other:
        assert other.read("/v1/report-files")["files"] == []
        assert other.client.get(f"/v1/report-files/{row[0]}/content").json()["code"] == "unknown_report_file"


def test_a_schedule_says_what_became_of_the_last_report(company: Organization, books: Books) -> None:
    company.client.put(f"{PATH}/monthly", json=MONTHLY | {"starts_at": "2031-01-01T06:00:00Z"})
    assert company.read(PATH)["schedules"][0]["last_deliveries"] == []
    with psycopg.connect(books.settings.postgres) as connection:
        row = connection.execute(_KEEP, [company.id]).fetchone()
        assert row is not None
        file = row[0]
        for endpoint, status in (("good", "delivered"), ("away", "failed"), ("slow", "pending")):
            connection.execute(
                "INSERT INTO webhook_endpoint (organization_id, endpoint_id, url, description, event_types,"
                " department_ids) VALUES (%s, %s, 'https://example.com/', '', '{}', '{}')",
                [company.id, endpoint],
            )
            connection.execute(
                "INSERT INTO webhook_delivery (organization_id, endpoint_id, event_id, event_type, lane,"
                " body, status, ended_at) VALUES (%s, %s, %s, 'report.made', 'r', '{}', %s,"
                " CASE WHEN %s <> 'pending' THEN now() END)",
                [company.id, endpoint, f"rep_{file}", status, status],
            )
        failed = connection.execute(
            "SELECT job_put(%s, 'reports', 'mail', 'x', '{}', now() + interval '1 year')", [company.id]
        ).fetchone()
        assert failed is not None
        connection.execute(
            "UPDATE job_run SET failed_at = now(), error = 'no server' WHERE job_id = %s", [failed[0]]
        )
        sent = [("webhook", "good", None, False), ("webhook", "away", None, False)]
        sent += [("webhook", "slow", None, False), ("webhook", "gone", None, False)]
        sent += [("mail", "a@b.example", None, True), ("mail", "c@d.example", failed[0], False)]
        for way, to, job, done in sent:
            connection.execute(
                "INSERT INTO report_delivery (organization_id, file_id, way, recipient, job_id, delivered_at)"
                " VALUES (%s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)",
                [company.id, file, way, to, job, done],
            )
    (schedule,) = company.read(PATH)["schedules"]
    assert schedule["last_file_id"] == file
    assert [(one["to"], one["status"], one["error"]) for one in schedule["last_deliveries"]] == [
        ("a@b.example", "delivered", None),
        ("c@d.example", "failed", "no server"),
        ("away", "failed", None),
        ("gone", "unknown", None),
        ("good", "delivered", None),
        ("slow", "pending", None),
    ]


def test_one_is_asked_for_now_beside_its_steps(company: Organization, books: Books) -> None:
    later = company.client.put(f"{PATH}/monthly", json=MONTHLY | {"starts_at": "2031-01-01T06:00:00Z"})
    first = company.client.post(f"{PATH}/monthly/runs")
    again = company.client.post(f"{PATH}/monthly/runs")
    assert (first.status_code, again.json()) == (202, first.json()), "one waits at most"
    ((task, arguments),) = query(
        books.settings.postgres,
        "SELECT task_name, args FROM procrastinate_jobs WHERE id = %s",
        first.json()["job_id"],
    )
    assert (task, arguments["schedule_id"], arguments["organization_id"]) == (
        "reports.make",
        "monthly",
        company.id,
    )
    assert datetime.fromisoformat(arguments["due"]).tzinfo is not None
    assert company.read(PATH)["schedules"][0]["next_at"] == later.json()["next_at"]
    assert company.client.post(f"{PATH}/none/runs").json()["code"] == "unknown_report_schedule"


def test_who_may_read_may_not_schedule(company: Organization, books: Books) -> None:
    secret, _ = create_key(
        books.settings.postgres, organization_id=company.id, name="reader", scopes=[Scope.LEDGER_READ]
    )
    headers = {"Authorization": f"Bearer {secret}"}
    assert company.client.get(PATH, headers=headers).status_code == 200
    assert company.client.put(f"{PATH}/x", json=MONTHLY, headers=headers).status_code == 403


STEPS = [  # first time, every, zone, so many steps, then
    ("2026-01-31T06:00:00Z", "month", "UTC", 1, "2026-02-28T06:00:00Z"),
    ("2026-01-31T06:00:00Z", "month", "UTC", 2, "2026-03-31T06:00:00Z"),
    ("2026-02-28T05:00:00Z", "month", "Europe/Berlin", 1, "2026-03-28T05:00:00Z"),
    ("2026-02-28T05:00:00Z", "month", "Europe/Berlin", 2, "2026-04-28T04:00:00Z"),
    ("2026-10-24T04:00:00Z", "day", "Europe/Berlin", 1, "2026-10-25T05:00:00Z"),
    ("2026-03-07T11:00:00Z", "week", "America/New_York", 1, "2026-03-14T10:00:00Z"),
]


@pytest.mark.parametrize(("first", "every", "zone", "steps", "then"), STEPS)
def test_steps_go_by_the_days_of_the_zone(
    settings: ApiSettings, first: str, every: str, zone: str, steps: int, then: str
) -> None:
    with psycopg.connect(settings.postgres) as connection:
        connection.execute(
            "INSERT INTO report_schedule (organization_id, schedule_id, report, period, format, every,"
            " mail_to, next_at, starts_at, time_zone)"
            " VALUES ('org-steps', 's', 'spend', 'last_month', 'csv', %s, '{}', %s, %s, %s)",
            (every, first, first, zone),
        )
        row = connection.execute(
            "SELECT report_time(s, %s) FROM report_schedule s WHERE organization_id = 'org-steps'", [steps]
        ).fetchone()
        connection.rollback()
    assert row is not None
    assert row[0].astimezone(UTC) == datetime.fromisoformat(then)


def test_of_those_that_nobody_was_there_for_the_last_is_due_and_a_paused_one_is_not(
    settings: ApiSettings,
) -> None:
    with psycopg.connect(settings.postgres) as connection:
        for name, starts, paused in (("late", "70 days", False), ("rests", "70 days", True)):
            connection.execute(
                "INSERT INTO report_schedule (organization_id, schedule_id, report, period, format, every,"
                " mail_to, next_at, starts_at, paused) VALUES ('org-due', %s, 'spend', 'last_month', 'csv',"
                " 'week', '{}', now() - %s::interval, now() - %s::interval, %s)",
                (name, starts, starts, paused),
            )
        connection.execute("SELECT report_due()")
        rows = connection.execute(
            "SELECT schedule_id, next_at > now() AND next_at <= now() + interval '7 days 1 hour'"
            " FROM report_schedule WHERE organization_id = 'org-due' ORDER BY 1"
        ).fetchall()
        connection.rollback()
    assert rows == [("late", True), ("rests", False)]
