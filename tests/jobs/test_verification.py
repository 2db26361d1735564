"""Whom a proof of the books concerns is told: endpoints that want it, and by mail who runs things."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from psycopg.types.json import Jsonb

from api.access.roles import OPERATORS, Role
from infra.jobs.job_settings import JobSettings
from infra.processes.refs import wait_until
from infra.verify.apart import ProofFailed, proved_apart
from schemas.settings import SettingError, read_settings
from tests.api.people import member
from tests.api.support import free_port
from tests.jobs.test_due_reports import Taken, doing_jobs
from tests.sinks.conftest import query

CHECKS = [
    {"id": "O6", "claim": "rows are the fold", "checked": 9, "violations": 3, "of_system": 0},
    {"id": "O9", "claim": "the hash chain holds", "checked": 9, "violations": 1, "of_system": 1},
]
ENDPOINTS: dict[str, tuple[list[str], list[str]]] = {  # event types, departments
    "everything": ([], []),
    "it": (["verification.failed"], []),
    "its-group": (["card.*", "verification.*"], []),
    "others": (["card.*"], []),
    "of-a-department": ([], ["sales"]),
}


def plant(database: str) -> None:
    """A proof that found something of techcorp, of globex, and of the system; who is to be told of it."""
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO verification (started_at, took_ms, decisions, holds, places, checks)"
            " VALUES (now(), 1, 9, false, '{}', %s) RETURNING verification_id",
            [Jsonb(CHECKS)],
        ).fetchone()
        assert row is not None
        for of, check, count in (("techcorp", "O6", 1), ("globex", "O6", 2), (OPERATORS, "O9", 1)):
            found = (row[0], of, check, count, ["a row is false"])
            connection.execute("INSERT INTO verification_finding VALUES (%s, %s, %s, %s, %s)", found)
        for name, (types, departments) in ENDPOINTS.items():
            connection.execute(
                "INSERT INTO webhook_endpoint (organization_id, endpoint_id, url, description, event_types,"
                " department_ids) VALUES ('techcorp', %s, 'https://example.com', '', %s, %s)",
                (name, types, departments),
            )
        for of in ("techcorp", OPERATORS):
            asked = (of, row[0], Jsonb({"verification_id": row[0]}))
            connection.execute("SELECT job_put(%s, 'verification', 'tell', %s::text, %s)", asked)


def test_endpoints_that_want_it_and_who_runs_things_are_told_once(database: str, tmp_path: Path) -> None:
    admin = member(database, "techcorp", Role.ORG_ADMIN)
    member(database, "techcorp", Role.AUDITOR)
    operator = member(database, "techcorp", Role.SYSTEM_ADMIN)
    plant(database)
    box = Taken()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        smtp = {"SPENDLOG_API_SMTP": f"smtp://127.0.0.1:{server.port}"}
        with doing_jobs(database, tmp_path, **smtp) as log:
            assert wait_until(lambda: len(box.mails) == 2, 90.0), log.read_text()
    finally:
        server.stop()
    mails = {mail["To"]: mail.get_content() for mail in box.mails}
    assert set(mails) == {admin, operator}
    assert "O6, 1 times: rows are the fold" in mails[admin] and "O9" not in mails[admin]
    assert "O6, 3 times" in mails[operator] and "O9, 1 times" in mails[operator]
    assert all("/verifications/1" in words for words in mails.values())
    sent = query(database, "SELECT endpoint_id, event_type, body FROM webhook_delivery ORDER BY endpoint_id")
    assert [row[0] for row in sent] == ["everything", "it", "its-group"]
    told: dict[str, Any] = json.loads(sent[0][2])
    assert (told["type"], told["organization_id"]) == ("verification.failed", "techcorp")
    assert told["data"]["checks"] == [{"id": "O6", "claim": "rows are the fold", "violations": 1}]


def test_a_proof_that_cannot_be_made_says_what_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(checked: int, total: int) -> None: ...

    monkeypatch.delenv("SPENDLOG_KAFKA", raising=False)
    with pytest.raises(ProofFailed, match="SPENDLOG_KAFKA and SPENDLOG_POSTGRES"):
        asyncio.run(proved_apart(None, nothing))


@pytest.mark.parametrize("times", ["15 2 * * *", "*/5 0 1 * 1", "never"])
def test_a_time_of_proofs_is_cron_or_never(monkeypatch: pytest.MonkeyPatch, times: str) -> None:
    monkeypatch.setenv("SPENDLOG_POSTGRES", "postgresql://localhost/books")
    monkeypatch.setenv("SPENDLOG_JOBS_VERIFY_AT", times)
    assert read_settings(JobSettings).jobs_verify_at == times
    for wrong in ("02:15", "every night", "61 * * * *", "* * *"):
        monkeypatch.setenv("SPENDLOG_JOBS_VERIFY_AT", wrong)
        with pytest.raises(SettingError, match="SPENDLOG_JOBS_VERIFY_AT is wrong: must be five fields"):
            read_settings(JobSettings)
