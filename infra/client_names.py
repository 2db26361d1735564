"""What operations of the API are called in its Python client: noun, and method. Reviewed by hand."""

from __future__ import annotations

from typing import Final

#: Noun -> operation of the description -> method. `client.cards.create`.
NAMES: Final[dict[str, dict[str, str]]] = {
    "authorizations": {
        "request_authorization": "request",
        "read_authorization": "read",
        "increment_authorization": "increment",
        "advise_authorization": "advise",
        "reverse_authorization": "reverse",
        "expire_authorization": "expire",
        "present_clearing": "clear",
        "label_authorization": "label",
    },
    "transactions": {
        "list_transactions": "list",
        "create_transaction": "create",
        "read_transaction": "read",
    },
    "refunds": {
        "refund_authorization": "of_authorization",
        "present_refund": "create",
        "list_refunds": "list",
        "read_refund": "read",
        "reverse_refund": "reverse",
    },
    "disputes": {
        "open_dispute": "open",
        "list_disputes": "list",
        "read_dispute": "read",
        "resolve_dispute": "resolve",
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
    "cards": {
        "list_all_cards": "list",
        "create_card": "create",
        "read_any_card": "read",
        "change_card": "change",
        "list_cards": "list_of_department",
        "read_card": "read_of_department",
        "freeze_card": "freeze",
        "unfreeze_card": "unfreeze",
        "cancel_card": "cancel",
        "verify_card": "verify",
        "inquire_balance": "inquire_balance",
    },
    "budgets": {
        "read_budget": "read",
        "set_budget": "set",
        "list_budgets": "list",
        "read_any_budget": "read_any",
    },
    "increase_requests": {
        "request_increase": "create",
        "approve_increase": "approve",
        "refuse_increase": "refuse",
        "list_requests": "list",
        "read_request": "read",
    },
    "policies": {
        "read_policy": "read",
        "list_policies": "list",
        "try_policy": "try_on_past",
        "set_company_policy": "set_of_company",
        "list_company_policies": "list_of_company",
    },
    "company": {
        "list_departments": "departments",
        "read_department": "department",
        "list_teams": "teams",
        "list_employees": "employees",
    },
    "ledger": {
        "read_decision": "decision",
        "read_balances": "balances",
        "read_accounts": "accounts",
        "read_trial_balance": "trial_balance",
        "list_journal_entries": "journal_entries",
        "reverse_posting": "correct",
    },
    "events": {"send_event": "send"},
    "questions": {"ask": "ask"},
    "webhooks": {
        "create_endpoint": "create",
        "list_endpoints": "list",
        "read_endpoint": "read",
        "change_endpoint": "change",
        "remove_endpoint": "remove",
        "rotate_secret": "rotate_secret",
        "send_test_event": "send_test_event",
        "list_deliveries": "deliveries",
        "read_delivery": "delivery",
        "replay_delivery": "replay",
        "replay_span": "replay_span",
    },
    "people": {
        "list_people": "list",
        "read_person": "read",
        "change_person": "change",
        "remove_person": "remove",
        "list_sessions_of": "sessions",
        "end_sessions_of": "end_sessions",
        "end_session_of": "end_session",
        "create_password_reset": "create_password_reset",
        "reset_second_factor": "reset_second_factor",
        "create_invitation": "invite",
        "list_invitations": "invitations",
        "withdraw_invitation": "withdraw_invitation",
    },
    "keys": {
        "create_key": "create",
        "list_keys": "list",
        "read_key": "read",
        "revoke_key": "revoke",
        "rotate_key": "rotate",
    },
    "audit": {"list_audit": "list", "export_audit": "export"},
    "service": {
        "readiness": "readiness",
        "list_problem_types": "problem_types",
        "read_problem_type": "problem_type",
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
