"""What examples of events have in common: one company's words, so that together they tell a story."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Body = Mapping[str, Any]

DEPARTMENT_ID: Final = "engineering"
PAYMENT: Final[Body] = {"authorization_id": "auth_7f3a", "card_id": "card_ada"}
ADVISED: Final[Body] = {"authorization_id": "auth_9c1e", "card_id": "card_ada"}
HOTEL: Final[Body] = {"name": "Hotel Astoria", "mcc": "7011", "country": "DE", "id": "000445189000124"}
POLICY: Final[Body] = {
    "rules": [
        {"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}},
        {
            "rule": "spend_limit",
            "rule_id": "lunch",
            "window": "calendar",
            "calendar": {"period": "day", "time_zone": "Europe/Berlin"},
            "amount": 3_000,
            "per": "employee",
            "only": {"mcc_groups": ["restaurant"]},
            "action": "review",
        },
        {
            "rule": "block",
            "rule_id": "try-no-hotels",
            "what": {"mcc_groups": ["hotel"]},
            "action": "shadow",
        },
    ],
    "hold_days": 7,
    "approvals": [{"name": "lead"}, {"name": "finance", "above": 500_000, "approvers": ["cfo@example.com"]}],
}


#: What every event carries, as a processor would write it.
COMMON: Final[Body] = {
    "event_id": "evt_81c5",
    "organization_id": "techcorp",
    "department_id": DEPARTMENT_ID,
    "occurred_at": "2026-11-10T09:00:00Z",
    "version": 1,
}


def usd(minor: int) -> Body:
    return {"minor": minor, "currency": "USD"}
