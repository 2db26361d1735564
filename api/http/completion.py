"""What the framework does not say of operations in the description, and readers and linters ask for."""

from __future__ import annotations

from typing import Any, Final

from api.http.problems import responses

TAGS: Final = {
    "authorizations": "Ask whether a card may pay, and follow a payment's life.",
    "events": "All messages of card networks and all acts of people.",
    "budgets": "What departments, teams, cards and employees may spend.",
    "requests": "What people ask for and others approve: increases, cards, budgets; who answers meanwhile.",
    "policies": "The rules of a department or of a whole company.",
    "company": "Departments, teams and employees, as far as the log knows them.",
    "cards": "Registered cards.",
    "transactions": "Purchases with their whole life: listed by filters, looked at, made in one step.",
    "cases": "Payments that somebody should look at: listed, assigned, decided.",
    "receipts": "Receipts: sent, read, linked to purchases.",
    "refunds": "What merchants give back.",
    "disputes": "What cardholders do not accept.",
    "simulations": "In test mode: what a card network would send, with defaults.",
    "ledger": "The books: journal, balances, accounts, trial balance.",
    "reconciliation": "Settlement files of processors and the log against the books; months that are closed.",
    "questions": "Ask in plain language, or by a typed query.",
    "reports": "Sums of bookings: spend, trend, declines, budgets, forecast, month-end.",
    "feed": "Decisions as they are made.",
    "webhooks": "Endpoints that are told what happens, and what was sent to them.",
    "access": "People and keys: sign in and out, sessions, and the record of what they did.",
    "operations": "For those who run it: health, readiness, metrics, what problems mean. Without a key.",
}


def completed(described: dict[str, Any]) -> None:
    """What linters of OpenAPI ask for, and readers too."""
    described["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    described["servers"] = [{"url": "/", "description": "this server"}]
    described["tags"] = [{"name": name, "description": words} for name, words in TAGS.items()]
    for path, known in described["paths"].items():
        for operation in known.values():
            operation.setdefault("security", [])  # said, not forgotten: open to all
            if operation["security"]:
                _limited(operation["responses"])
            if not path.startswith("/v1"):
                operation["responses"].update({str(status): told for status, told in responses(405).items()})


def _limited(answers: dict[str, Any]) -> None:
    """What each operation with a caller tells of his limit."""
    answers["429"] = responses(429)[429]
    answers["429"]["headers"] = {"Retry-After": {"description": "in seconds", "schema": {"type": "integer"}}}
    for status, answer in answers.items():
        if status.startswith("2") or status == "429":
            answer["headers"] = answer.get("headers", {}) | RATE_LIMIT


RATE_LIMIT: Final = {
    "RateLimit": {
        "description": "how many requests are left (`r`) and for how many seconds (`t`); absent: no limit",
        "schema": {"type": "string", "examples": ['"default";r=59984;t=31']},
    },
    "RateLimit-Policy": {
        "description": "how many requests (`q`) in how many seconds (`w`)",
        "schema": {"type": "string", "examples": ['"default";q=60000;w=60']},
    },
}
