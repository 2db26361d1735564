"""Commands say once, in one line, that Kafka is away; its client says it twenty times a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra import dead_letters, topics
from infra.errors import SpendlogError
from infra.stack.tcp_ports import free_port
from infra.verify import sources

CALLS: dict[str, Callable[[str], object]] = {
    "topics diff": topics.diff,
    "topics apply": topics.apply,
    "dead-letters list": lambda kafka: list(dead_letters.read(kafka)),
    "dead-letters show": lambda kafka: dead_letters.find(kafka, "0:0"),
    "dead-letters reroute": lambda kafka: dead_letters.reroute(kafka, again=True),
}


@pytest.mark.parametrize("command", CALLS)
def test_an_absent_kafka_is_told_by_the_command_alone(
    command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(topics, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(dead_letters, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(sources, "TIMEOUT_S", 0.5)
    kafka = f"127.0.0.1:{free_port(set())}"
    with pytest.raises(SpendlogError):
        CALLS[command](kafka)
    told = capfd.readouterr()
    # Only of this cluster: clients of tests before may still look for theirs, which is gone.
    assert (told.out, [line for line in told.err.splitlines() if kafka in line]) == ("", [])
