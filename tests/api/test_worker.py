"""The deadline's story with a real worker process that is frozen, killed and replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access.keys import create_key
from api.api_settings import ApiSettings
from infra.processes.child import Child
from infra.processes.supervisor import Supervisor
from infra.stack import Stack
from infra.stack_settings import StackSettings
from tests.api.books import usd
from tests.api.conftest import payment_body
from tests.api.support import empty_topics, new_database, serving, wait_ready, wait_until
from tests.patience import HUNG_S
from tests.streams.line import READY, worker_command

pytestmark = pytest.mark.faults


@dataclass
class Site:
    """An API in front of a worker process, on services of its own."""

    client: httpx.Client
    new_worker: Callable[[str], Child]
    workers: list[Child] = field(default_factory=list)

    def worker(self) -> Child:
        """The one that runs, or a new one, with a department."""
        running = [worker for worker in self.workers if worker.alive()]
        if not running:
            self.workers.append(self.new_worker(f"worker-{len(self.workers)}"))
            running = self.workers
        wait_until(lambda: _set_budget(self), 60.0)
        return running[-1]

    def send(self, kind: str, key: str, **members: Any) -> dict[str, Any]:
        body = {"type": kind, "department_id": "engineering", **members}
        answer = self.client.post("/v1/events", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, key: str) -> httpx.Response:
        body = payment_body(1_000, on_timeout="decline")
        return self.client.post("/v1/authorizations", json=body, headers={"Idempotency-Key": key})

    def held(self, key: str) -> int:
        """By the worker's own answer: what an inquiry says is left of 50,000.00 USD."""
        left: int = self.send("balance.inquired", key, card_id="card_ada")["available"]["minor"]
        return 5_000_000 - left


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("worker")
    services = StackSettings(kafka=None, postgres=None, redis=None)
    with Stack(folder, settings=services) as stack, Supervisor(folder / "logs") as supervisor:
        at = stack.endpoints
        empty_topics(at.kafka)
        database = new_database(at.postgres, "spendlog_api_worker")
        settings = ApiSettings(kafka=at.kafka, postgres=database, redis=at.redis, api_patience=1)
        secret, _ = create_key(database, organization_id="org-worker", name="worker")

        def new_worker(name: str) -> Child:
            env = {
                "SPENDLOG_KAFKA": at.kafka,
                "SPENDLOG_WORKER_INSTANCE": "the-only-one",  # it takes over without waiting for the dead
                "SPENDLOG_WORKER_DATA": str(folder / name),
                "SPENDLOG_SESSION_TIMEOUT_S": "30",
                "PYTHONUNBUFFERED": "1",
            }
            child = supervisor.start(name, worker_command(), env=env)
            wait_until(lambda: READY in child.output() or not child.alive(), 60.0)
            assert child.alive(), child.output()
            return child

        with serving(settings) as base_url:
            wait_ready(base_url)
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
                yield Site(client, new_worker)


def test_a_frozen_or_dead_worker_is_answered_for_and_its_late_approvals_are_undone(site: Site) -> None:
    worker = site.worker()
    assert site.ask("in-time").json()["outcome"] == "approved"
    assert site.held("a") == 1_000

    worker.pause()
    frozen = _declined_in_time(site, "while-frozen")
    worker.resume()
    assert site.held("b") == 1_000
    assert site.ask("while-frozen").content == frozen.content

    worker.kill()
    dead = _declined_in_time(site, "while-dead")
    site.worker()
    assert site.held("c") == 1_000
    assert site.ask("while-dead").content == dead.content
    assert site.ask("in-time").json()["outcome"] == "approved"


def test_a_policy_for_the_company_is_completed_by_the_next_worker(site: Site) -> None:
    def apply() -> httpx.Response:
        body = {"policy": {"hold_days": 9}, "activate": True, "departments": ["engineering"]}
        path = "/v1/organizations/org-worker/policies"
        return site.client.post(path, json=body, headers={"Idempotency-Key": "company"})

    site.worker().kill()
    for _ in range(2):
        pending = apply()
        assert (pending.status_code, pending.json()["status"]) == (202, "pending"), pending.text
    site.worker()
    completed = apply()
    assert (completed.status_code, completed.json()["status"]) == (200, "complete")
    assert completed.headers["idempotency-replayed"] == "true"  # the first of the three made the version
    assert site.send("policy.drafted", "next", policy={})["policy_version"] == 2


def _set_budget(site: Site) -> bool:
    body = {"type": "budget.set", "department_id": "engineering", "name": "E", "limit": usd(5_000_000)}
    return site.client.post("/v1/events", json=body, headers={"Idempotency-Key": "set"}).status_code == 200


def _declined_in_time(site: Site, key: str) -> httpx.Response:
    started = time.monotonic()
    answer = site.ask(key)
    assert time.monotonic() - started < HUNG_S
    assert (answer.status_code, answer.json()["response_code"]) == (200, "91")
    return answer
