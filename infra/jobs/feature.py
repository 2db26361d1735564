"""What a feature says of its queue: the tasks in it, how many run at a time, how often they are tried."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from schemas.backoff import Backoff

#: 10 s, 20 s and so on: the eighth try is after 21 minutes.
WAIT: Final = Backoff(10.0, 3_600.0)


@dataclass(frozen=True, slots=True)
class Task:
    """`run` is called with a Job and the arguments that were given with it, by name.

    `cron`: due by itself at these times (five fields, UTC); then it has no arguments and no organization.
    `failures_max`: after so many errors it is given up, with `wait` between them; `JobRefused` is at once.
    `timeout_s`: of one attempt.
    """

    name: str
    run: Callable[..., Awaitable[None]]
    cron: str | None = None
    failures_max: int = 8
    wait: Backoff = WAIT
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Feature:
    """A queue and its tasks. `at_once`: jobs of it that one process does side by side."""

    queue: str
    tasks: tuple[Task, ...]
    at_once: int = 1
