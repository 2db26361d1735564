"""The default policy is what the log says: an old log is judged by its own, whatever today's is."""

from __future__ import annotations

import msgspec
import pytest

import streams.core.administration
from infra.verify.partition import PartitionCheck
from infra.verify.read_models import Models
from schemas.administration import TREASURY
from schemas.codec import decode_decision
from schemas.controls import Policy, SpendLimit
from schemas.decisions import Decision
from schemas.defaults import default_policy
from schemas.events import CapSet, PolicyActivated
from schemas.money import Money
from sinks.ledger.read_models import changes_of
from streams.core.apply.evolve import evolve
from streams.core.state import PartitionState
from tests.verify.logs import Company, World, violated
from tests.verify.told import at, budget, clear, event, policy, request

#: None of them is the first one's, and what they let pass differs.
DEFAULTS = {
    "no rule at all": Policy(),
    "nothing passes": Policy(rules=(SpendLimit(rule_id="large-amount", window="transaction", amount=1),)),
    "longer holds": Policy(hold_days=21),
    "only known cards": Policy(registered_cards_only=True),
    "a limit a day": Policy(rules=(SpendLimit(rule_id="many", window="rolling", seconds=86_400, count=2),)),
}


def old_log() -> Company:
    """What departments do under the default policy, under another one, and again under the default."""
    told = Company()
    back = event(PolicyActivated, 3, policy_version=0)
    told.tell(
        *(budget(90_000), budget(90_000, department="ops")),
        event(CapSet, department=TREASURY, limit=Money(900_000, "USD"), departments=("late",)),
        *(request("a1", 600_000), request("a2", 300, 0.1), clear("a2", 250, 1)),
        *(policy(days=2), request("a3", 300, 2.1), back, request("a4", 600_000, 3.1), request("a5", 7, 3.2)),
        recorded_at=at(300),
    )
    return told


def read(world: World) -> tuple[bytes, list[Decision]]:
    """The state that the core folds of a partition's log, and its decisions."""
    state, decisions = PartitionState(world.partition), []
    for value in world.values:
        decision = decode_decision(value)
        evolve(state, decision)
        decisions.append(decision)
    return msgspec.msgpack.encode(state), decisions


def versions(checks: dict[int, PartitionCheck]) -> dict[tuple[str, str, int], object]:
    """Rows of `policy_version` as the verifier wants them."""
    found: dict[tuple[str, str, int], object] = {}
    for check in checks.values():
        models = Models(check.departments, {})
        found |= {key: models.row("policy_version", key) for key in models.keys("policy_version")}
    return found


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_old_log_means_the_same_under_another_default_policy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, first = old_log(), default_policy("USD")
    states = {p: read(world)[0] for p, world in told.worlds.items()}
    rows = {p: changes_of(world.decisions).policies for p, world in told.worlds.items()}
    wanted = versions(told.check()[1])
    keys = [key for found in rows.values() for key in found] + list(wanted)
    assert TREASURY not in {key[1] for key in keys}
    assert {key[1:]: row for key, row in wanted.items()}["ops", 0] == (first, True)
    monkeypatch.setattr(streams.core.administration, "default_policy", lambda currency: DEFAULTS[name])
    monkeypatch.setattr("schemas.defaults.default_policy", lambda currency: DEFAULTS[name])
    for p, world in told.worlds.items():
        state, decisions = read(world)
        assert state == states[p]
        assert changes_of(decisions).policies == rows[p]
    report, checks = told.check()
    assert violated(report) == {}
    assert versions(checks) == wanted
    # The change is one: who goes on with this log opens and decides by the other default.
    told.tell(budget(500, department="new"), recorded_at=at(300))
    assert told.check()[1]
    assert violated(told.check()[0]) == {}
    opened = {key[1]: row for key, row in versions(told.check()[1]).items() if key[2] == 0}
    assert opened["new"] == (DEFAULTS[name], True)
    assert opened["sales"] == (first, True)
