"""What rows have in common: whose they are, and values as columns take them."""

from __future__ import annotations

import msgspec

from schemas.decisions import Decision

Names = tuple[str, str, str]  # organization, department, id (or period)


def names_of(decision: Decision, id_: str) -> Names:
    """The key of what belongs to the decision's department."""
    assert decision.organization_id is not None
    assert decision.department_id is not None
    return decision.organization_id, decision.department_id, id_


def currency_of(decision: Decision) -> str:
    assert decision.currency is not None
    return decision.currency


def as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
