"""Version 0 follows from the currency, whatever a snapshot has kept of it."""

from __future__ import annotations

import msgspec
import pytest

from schemas.controls import Policy, SpendLimit
from schemas.defaults import default_policy
from streams.core.state import Department

OLDER = Policy(rules=(SpendLimit(rule_id="large-amount", window="transaction", amount=500_000, fraud=True),))


@pytest.mark.parametrize("currency", ["USD", "IDR", "JPY", "KWD", "VES"])
@pytest.mark.parametrize(("version", "kept"), [(0, False), (3, True)])
def test_a_snapshot_with_an_older_default_is_put_right(currency: str, version: int, kept: bool) -> None:
    department = Department("techcorp", "eng", currency, 0, policy_version=version)
    department.policy = OLDER
    read = msgspec.json.decode(msgspec.json.encode(department), type=Department)
    assert read.policy == (OLDER if kept else default_policy(currency))
