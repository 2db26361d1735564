"""Metadata that comes late is no outage: what is known of the topic goes on to be used."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from api.access.keys import create_key
from api.api_settings import ApiSettings
from tests.api.conftest import budget_body, budget_path, payment_body
from tests.api.slow_kafka import SlowKafka, slow_kafka
from tests.api.support import serving, wait_ready, wait_until


@pytest.fixture
def proxy(settings: ApiSettings) -> Iterator[SlowKafka]:
    with slow_kafka(settings.kafka) as proxy:
        yield proxy


def submit(base_url: str, secret: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": uuid.uuid4().hex}
    return httpx.post(f"{base_url}/v1/authorizations", json=payment_body(1), headers=headers, timeout=60)


@pytest.mark.usefixtures("decider")
@pytest.mark.parametrize("delay_s", [0.8, pytest.param(1.5, marks=pytest.mark.faults)])
def test_authorizations_are_taken_while_metadata_is_slow(
    settings: ApiSettings, proxy: SlowKafka, organization: str, delay_s: float
) -> None:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="slow")
    behind = settings.model_copy(update={"kafka": f"127.0.0.1:{proxy.port}", "api_patience": 1.0})
    proxy.delay_s = delay_s  # already at the start
    with serving(behind) as base_url:
        wait_ready(base_url, timeout_s=60)
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "budget"}
        path = base_url + budget_path(organization)
        proxy.delay_s = 0.0
        answer = httpx.put(path, json=budget_body(), headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        proxy.delay_s, before = delay_s, proxy.delayed
        told = []
        ends = time.monotonic() + 30
        while proxy.delayed < before + 2 and time.monotonic() < ends:  # through a probe and the next
            told.append(submit(base_url, secret).status_code)
            time.sleep(0.2)
        assert proxy.delayed >= before + 2, "nobody asked for metadata"
        # An acknowledgement waits behind metadata on its connection: then 202. Never "Kafka is away".
        assert set(told) <= {200, 202}, told
        assert 200 in told
        proxy.delay_s = 0.0
        wait_until(lambda: submit(base_url, secret).status_code == 200)
