"""Every scenario table runs through the core as it would run through the log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.codec import encode_event, seal_decision
from schemas.decisions import Decision
from schemas.events import (
    AuthorizationRequested,
    AuthorizationReversed,
    BudgetSet,
    CardEvent,
    ClearingPresented,
    Merchant,
    RefundPresented,
)
from schemas.money import Money, PositiveMoney
from streams.core.evolve import evolve
from streams.core.intake import Record, judge
from streams.core.state import PartitionState
from streams.scoring import Scorer

RECORDED_AT = datetime(2026, 12, 3, 12, 0, tzinfo=UTC)
STARTED_AT = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
KEY = b"techcorp/eng"
LINE = re.compile(
    r"(?P<verb>\w+)\s+(?P<id>\w+)(?:\s+(?P<currency>[A-Z]{3})\s+(?P<amount>[\d.]+))?(?:\s+on\s+(?P<on>\S+))?"
    r"\s*=>\s*(?P<outcome>\w+)(?:\s+(?P<why>(?!available)\w+))?(?:\s+available\s+(?P<available>-?[\d.]+))?"
)


def scenarios() -> list[Any]:
    found = []
    for file in sorted(Path(__file__).parent.glob("*.txt")):
        for block in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            lines = [line for line in block.splitlines() if line.strip() and not line.startswith("#")]
            if lines:
                name = lines[0].removeprefix("scenario:").strip()
                found.append(pytest.param(lines[1:], id=name))
    return found


class Play:
    """One department, one line after the other."""

    def __init__(self) -> None:
        self.state = PartitionState(0)
        self.scorer = Scorer()
        self.events: dict[str, CardEvent] = {}
        self.number = 0

    def event(self, line: re.Match[str]) -> CardEvent:
        self.number += 1
        name = line["id"]
        on = datetime.fromisoformat(line["on"]) if line["on"] else STARTED_AT + timedelta(minutes=self.number)
        given: dict[str, Any] = {
            "event_id": f"event-{self.number}",
            "organization_id": "techcorp",
            "department_id": "eng",
            "occurred_at": on,
        }
        amount = PositiveMoney(self.minor(line), line["currency"]) if line["amount"] else None
        card: dict[str, Any] = {"authorization_id": name, "card_id": "card-1", "amount": amount}
        match line["verb"]:
            case "budget":
                limit = Money(self.minor(line), line["currency"])
                return BudgetSet(**given, name="Engineering", limit=limit, time_zone="Europe/Berlin")
            case "request" | "resend":
                return AuthorizationRequested(**given, **card, merchant=Merchant("Edeka"))
            case "clear" | "part":
                return ClearingPresented(**given, **card, final=line["verb"] == "clear")
            case "reverse":
                return AuthorizationReversed(**given, authorization_id=name, amount=amount)
            case "refund":
                return RefundPresented(**given, **card)
            case "again":
                # Sent again later: the time of a repeat is its own.
                return msgspec.structs.replace(self.events[name], occurred_at=on)
            case "reuse":
                return msgspec.structs.replace(self.events[name], occurred_at=on, amount=amount)
            case verb:
                raise AssertionError(f"no such verb: {verb}")

    @staticmethod
    def minor(line: re.Match[str]) -> int:
        try:
            return Money.of(line["amount"], line["currency"]).minor
        except ValueError:
            return 1  # a currency that does not exist

    def decide(self, event: CardEvent) -> Decision:
        record = Record(self.state.next_offset, RECORDED_AT, KEY, encode_event(event))
        decision = judge(self.state, record, 1, self.scorer)
        seal_decision(decision)
        evolve(self.state, decision)
        return decision


def assert_held_is_the_sum_of_open_holds(state: PartitionState) -> None:
    for department in state.departments.values():
        for label, period in department.periods.items():
            holds = [payment.held for payment in department.payments.values() if payment.period == label]
            assert period.held == sum(holds)
            assert min(holds, default=0) >= 0


@pytest.mark.parametrize("lines", scenarios())
def test_scenario(lines: list[str]) -> None:
    play = Play()
    for text in lines:
        line = LINE.fullmatch(text.strip())
        assert line, f"cannot read: {text}"
        event = play.event(line)
        decision = play.decide(event)
        if line["verb"] == "request":
            play.events[line["id"]] = event
        found = {reason.code.value for reason in decision.reasons} | set(decision.alerts)
        if decision.duplicate_of is not None:
            found.add("duplicate")
        assert decision.outcome.value == line["outcome"], f"{text}\n{decision}"
        if line["why"]:
            assert line["why"] in found, f"{text}\n{decision}"
        else:
            assert not found, f"{text}\n{decision}"
        if line["available"]:
            assert decision.balance is not None
            currency = decision.currency or ""
            expected = Money.of(line["available"].lstrip("-"), currency).minor
            sign = -1 if line["available"].startswith("-") else 1
            assert decision.balance.available == sign * expected, text
        assert_held_is_the_sum_of_open_holds(play.state)
