"""What operations of the API are called in its Python client: noun, and method."""

from __future__ import annotations

from typing import Final

#: Noun -> operation of the description -> method, where the rule of `named` gives another.
NAMES: Final[dict[str, dict[str, str]]] = {
    "authorizations": {"present_clearing": "clear"},
    "refunds": {"refund_authorization": "of_authorization", "present_refund": "create"},
    "disputes": {"open_dispute": "open"},
    "ledger": {
        "reverse_posting": "correct",
        "read_decision": "decision",
        "read_balances": "balances",
        "read_accounts": "accounts",
        "read_trial_balance": "trial_balance",
        "list_journal_entries": "journal_entries",
        "export_journal": "export_journal",
    },
    "increase_requests": {
        "request_increase": "create",
        "approve_increase": "approve",
        "refuse_increase": "refuse",
        "list_requests": "list",
        "read_request": "read",
    },
    "requests": {
        "request_card": "create_card",
        "request_budget": "create_budget",
        "approve_request": "approve",
        "refuse_request": "refuse",
        "list_all_requests": "list",
        "read_any_request": "read",
    },
    "delegations": {"set_delegation": "set", "end_delegation": "end"},
    "reconciliations": {
        "read_settlement_file": "propose",
        "take_settlement_file": "upload",
    },
    "receipts": {
        "link_receipt": "link",
        "unlink_receipt": "unlink",
    },
    "company": {
        "list_departments": "departments",
        "read_department": "department",
        "list_teams": "teams",
        "list_employees": "employees",
    },
    "cards": {
        "list_all_cards": "list",
        "read_any_card": "read",
        "list_cards": "list_of_department",
        "read_card": "read_of_department",
    },
    "simulations": {
        "simulate_authorization": "authorization",
        "simulate_increment": "increment",
        "simulate_clearing": "clearing",
        "simulate_reversal": "reversal",
        "simulate_refund": "refund",
        "simulate_dispute": "dispute",
        "simulate_expiry": "expiry",
        "simulate_network_timeout": "network_timeout",
    },
    "budgets": {
        "read_budget": "read",
        "set_budget": "set",
        "list_budgets": "list",
        "read_any_budget": "read_any",
    },
    "policies": {
        "read_policy": "read",
        "list_policies": "list",
        "set_policy": "set",
        "try_policy": "try_on_past",
        "set_company_policy": "set_of_company",
        "list_company_policies": "list_of_company",
    },
    "people": {
        "read_person": "read",
        "change_person": "change",
        "remove_person": "remove",
        "list_sessions_of": "sessions",
        "end_sessions_of": "end_sessions",
        "end_session_of": "end_session",
        "create_invitation": "invite",
        "list_invitations": "invitations",
        "withdraw_invitation": "withdraw_invitation",
    },
    "service": {
        "readiness": "readiness",
        "list_problem_types": "problem_types",
        "read_problem_type": "problem_type",
    },
    "webhooks": {
        "create_endpoint": "create",
        "list_endpoints": "list",
        "read_endpoint": "read",
        "change_endpoint": "change",
        "remove_endpoint": "remove",
        "list_deliveries": "deliveries",
        "read_delivery": "delivery",
        "replay_delivery": "replay",
    },
}

#: Operations that the client does not have, each with the reason.
NOT_CALLED: Final[dict[str, str]] = {
    "listen": "a stream: `client.listen`",
    "health": "for whoever starts the process",
    "metrics": "for Prometheus",
    **dict.fromkeys(
        (
            "list_sessions",
            "sign_in",
            "sign_in_by_link",
            "read_current",
            "end_session",
            "confirm",
            "accept_invitation",
            "change_own_password",
            "ask_password_reset",
            "use_password_reset",
            "confirm_second_factor",
            "enrol_second_factor",
            "renew_recovery_codes",
            "remove_second_factor",
        ),
        "a person's own, with a cookie; a program has a key",
    ),
}

#: Operations that change nothing, though they have a body, or by a second try nothing more.
READS: Final = {
    "ask",
    "try_policy",
    "export_journal",
    "upload_receipt",
    "read_settlement_file",
    "take_settlement_file",
}

#: Types of the description that are one type for a caller.
THE_SAME: Final[dict[str, str]] = {
    "MoneyOut": "Money",
    "PositiveMoneyIn": "Money",
    "LimitIn": "Money",
    "event.PositiveMoney": "Money",
    "MerchantIn": "Merchant",
    "MerchantOut": "Merchant",
    "event.Merchant": "Merchant",
}

_NAMED: Final = {of: (noun, method) for noun, all_of in NAMES.items() for of, method in all_of.items()}


def named(operation: str, path: str) -> tuple[str, str]:
    """Noun and method: by the table, else the first word of the path, and the operation's name without it.

    `create_card` of /v1/cards is `cards.create`.
    """
    if operation in _NAMED:
        return _NAMED[operation]
    for place in ("/v1/", "organizations/{organization_id}/", "departments/{department_id}/"):
        path = path.removeprefix(place)
    noun = path.split("/")[0].replace("-", "_")
    for word in (noun, noun.removesuffix("s"), f"{noun.removesuffix('ies')}y"):
        if operation.endswith(f"_{word}"):
            return noun, operation.removesuffix(f"_{word}")
    return noun, operation
