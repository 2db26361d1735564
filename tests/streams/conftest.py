"""Fixtures of the worker's tests: a line with topics of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.processes.supervisor import Supervisor
from infra.stack import Endpoints
from tests.streams.line import Line

_numbers = itertools.count()


@pytest.fixture
def line(stack: Endpoints, tmp_path: Path) -> Iterator[Line]:
    with Supervisor(tmp_path / "logs") as supervisor:
        yield Line(stack.kafka, f"line{next(_numbers)}-{tmp_path.name}-", tmp_path, supervisor)
