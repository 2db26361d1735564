"""What sends webhooks, beside an API of the tests: the real sink and the real sender, as processes."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from api.api_settings import ApiSettings
from infra.running.commands import SENDER, SINKS


@contextmanager
def webhooks_sent(settings: ApiSettings) -> Iterator[None]:
    """On the database of these settings, while the block runs. What they say is nobody's output."""
    env = {
        **os.environ,
        "SPENDLOG_KAFKA": settings.kafka,
        "SPENDLOG_POSTGRES": settings.postgres,
        "SPENDLOG_SINK_GROUP": f"tests-api-webhooks-{uuid.uuid4().hex[:8]}",
        "SPENDLOG_WEBHOOKS_ALLOW_LOCAL": "true",
    }
    children = [subprocess.Popen(command, env=env) for command in ((*SINKS, "webhooks"), SENDER)]
    try:
        yield
        assert [child.poll() for child in children] == [None, None]
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(20)
