"""One body for each type of event, in an order in which all of them take effect: a test sends them all."""

from __future__ import annotations

from typing import Any, Final

_USD = "USD"
_ENGINEERING: Final[dict[str, Any]] = {"department_id": "engineering"}
_HOTEL: Final[dict[str, Any]] = {
    "name": "Hotel Astoria",
    "mcc": "7011",
    "country": "DE",
    "id": "000445189000124",
}


def _usd(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": _USD}


def _bodies() -> dict[str, dict[str, Any]]:
    payment = {"authorization_id": "auth_7f3a", "card_id": "card_ada"}
    advised = {"authorization_id": "auth_9c1e", "card_id": "card_ada"}
    return {
        "budget.set": {"name": "Engineering", "limit": _usd(5_000_000), "tolerance": 50_000},
        "budget.increased": {"amount": _usd(250_000), "ends_at": "2099-12-31T23:00:00Z"},
        "increase.requested": {
            "request_id": "inc_7",
            "amount": _usd(100_000),
            "ends_at": "2099-12-31T23:00:00Z",
            "reason": "the conference in March",
        },
        "increase.approved": {"request_id": "inc_7"},
        "increase.refused": {"request_id": "inc_8", "reason": "next quarter"},
        "policy.drafted": {"policy": _policy()},
        "policy.activated": {"policy_version": 1},
        "card.set": {"card": {"card_id": "card_ada", "employee": "Ada Lovelace", "team": "platform"}},
        "verification.requested": {"card_id": "card_ada", "merchant": _HOTEL},
        "authorization.requested": {
            **payment,
            "amount": _usd(60_000),
            "merchant": _HOTEL,
            "entry_mode": "ecommerce",
            "partial_allowed": True,
        },
        "authorization.incremented": {**payment, "amount": _usd(15_000)},
        "authorization.reversed": {"authorization_id": "auth_7f3a", "amount": _usd(5_000)},
        "clearing.presented": {**payment, "amount": _usd(70_000), "final": True},
        "refund.presented": {**payment, "amount": _usd(10_000), "refund_id": "ref_20"},
        "refund.reversed": {"refund_id": "ref_20"},
        "dispute.opened": {
            "dispute_id": "dis_3",
            "authorization_id": "auth_7f3a",
            "amount": _usd(70_000),
            "provisional_credit": True,
        },
        "dispute.resolved": {"dispute_id": "dis_3", "outcome": "withdrawn"},
        "authorization.labelled": {
            "authorization_id": "auth_7f3a",
            "label": "fraud",
            "source": "chargeback",
        },
        "posting.reversed": {
            "authorization_id": "auth_7f3a",
            "seq": 1042,
            "reason": "presented twice by the processor",
        },
        "authorization.advised": {**advised, "amount": _usd(20_000), "merchant": _HOTEL},
        "authorization.expired": {"authorization_id": "auth_9c1e"},
        "balance.inquired": {"card_id": "card_ada"},
        "clock.ticked": {},
        "card.frozen": {"card_id": "card_ada"},
        "card.unfrozen": {"card_id": "card_ada"},
        "card.canceled": {"card_id": "card_ada"},
        "budget.removed": {"budget_id": "team:platform"},
        "department.split": {"shards": ["engineering-1", "engineering-2"]},
        "cap.set": {"limit": _usd(20_000_000), "departments": ["engineering", "sales"]},
    }


def _policy() -> dict[str, Any]:
    blocked = {"rule": "block", "rule_id": "no-gambling", "what": {"mcc_groups": ["gambling"]}}
    lunch = {
        "rule": "spend_limit",
        "rule_id": "lunch",
        "window": "calendar",
        "calendar": {"period": "day", "time_zone": "Europe/Berlin"},
        "amount": 3_000,
        "per": "employee",
        "only": {"mcc_groups": ["restaurant"]},
        "action": "review",
    }
    tried = {
        "rule": "block",
        "rule_id": "try-no-hotels",
        "what": {"mcc_groups": ["hotel"]},
        "action": "shadow",
    }
    levels = [{"name": "lead"}, {"name": "finance", "above": 500_000, "approvers": ["cfo@example.com"]}]
    return {"rules": [blocked, lunch, tried], "hold_days": 7, "approvals": levels}


def _whole(tag: str, body: dict[str, Any]) -> dict[str, Any]:
    place = {} if tag == "cap.set" else _ENGINEERING
    return {"type": tag, **place, **body}


EXAMPLES: Final = {tag: _whole(tag, body) for tag, body in _bodies().items()}
