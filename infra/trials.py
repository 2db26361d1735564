"""Policies tried on the past, in a process of its own: a second of rules must not keep answers waiting.

`python -m infra.trials` reads one question from its standard input and writes its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from api.asking.trial import (
    EXAMPLES_MAX,
    TrialAnswer,
    TrialChange,
    TrialExample,
    TrialFailed,
    TrialQuestion,
    TrialSum,
)
from schemas.controls import Card, Policy
from schemas.decisions import Decision
from streams.core.trial import Change, Tried, try_policy

_TOOK_S_MAX: Final = 20.0
_COMMAND: Final = (sys.executable, "-m", "infra.trials")


_NAMES: Final[Mapping[Change, TrialChange]] = {
    Change.DECLINED: "declined",
    Change.PASSED: "passed",
    Change.REVIEWED: "reviewed",
}


class TrialProcesses:
    """One process for each trial, one trial at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def ask(self, question: TrialQuestion) -> TrialAnswer:
        """Raises TrialFailed."""
        async with self._turn:
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=pipe, stdout=pipe)
            try:
                async with asyncio.timeout(_TOOK_S_MAX):
                    out, _ = await process.communicate(msgspec.json.encode(question))
            except TimeoutError:
                raise TrialFailed(f"the trial takes longer than {_TOOK_S_MAX:.0f} s") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if process.returncode:
            raise TrialFailed(f"the trial ended with status {process.returncode}")
        return msgspec.json.decode(out, type=TrialAnswer)


class _Question(msgspec.Struct, frozen=True):
    """A `TrialQuestion` with its records read."""

    policy: Policy
    currency: str
    since: datetime
    cards: tuple[Card, ...]
    records: tuple[Decision, ...]


def answer(question: bytes) -> TrialAnswer:
    """Of a `TrialQuestion` as JSON."""
    asked = msgspec.json.decode(question, type=_Question)
    every = try_policy(asked.policy, asked.currency, asked.cards, asked.records)
    tried = [one for one in every if (at := one.request.occurred_at) is not None and at >= asked.since]
    changed = [one for one in tried if one.change is not Change.NONE]
    declined = [one for one in changed if one.change is Change.DECLINED]
    shown = [
        one
        for change in (Change.DECLINED, Change.PASSED, Change.REVIEWED)
        for one in [one for one in reversed(changed) if one.change is change][:EXAMPLES_MAX]
    ]
    return TrialAnswer(
        tried=len(tried),
        minor=sum(one.request.granted for one in tried),
        changes=_sums((one.change.value, one.amount) for one in changed),
        people=_sums((one.request.cardholder or one.request.card_id or "", one.amount) for one in declined),
        rules=_sums((one.reasons[0].rule or "", one.amount) for one in declined),
        examples=tuple(_example(one) for one in shown),
    )


def _sums(named: Iterable[tuple[str, int]]) -> tuple[TrialSum, ...]:
    """By name, the largest first."""
    found: dict[str, list[int]] = {}
    for name, minor in named:
        found.setdefault(name, []).append(minor)
    sums = [TrialSum(name, len(amounts), sum(amounts)) for name, amounts in found.items()]
    return tuple(sorted(sums, key=lambda one: (-one.minor, one.name)))


def _example(one: Tried) -> TrialExample:
    request = one.request
    assert request.authorization_id is not None and request.occurred_at is not None
    return TrialExample(
        request.authorization_id,
        request.occurred_at,
        _NAMES[one.change],
        one.amount,
        request.card_id,
        request.cardholder,
        request.merchant,
        one.reasons,
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(answer(sys.stdin.buffer.read())))
