"""How the pages say things: money, times, the state of a purchase, rules. Nothing here asks a store."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from babel.numbers import format_currency

from api.http.types import MoneyOut
from api.resources.access.keys import KeyOut
from api.resources.webhooks.bodies import WebhookAttemptOut, WebhookEndpointOut
from schemas.controls import ActiveHours, Allow, Block, Match, Rule, ScoreLimit, SpendLimit
from schemas.money import exponent


class Mark(NamedTuple):
    """A word with the shape (`icon`) and the tone that tell it apart."""

    word: str
    icon: str
    tone: str


#: The states of a payment: the words of `schemas.authorizations.Status` for people.
STATES: Final = {
    "approved": Mark("Held", "clock", "calm"),
    "partially_approved": Mark("Held in part", "clock", "calm"),
    "cleared": Mark("Settled", "check", "good"),
    "partially_cleared": Mark("Settled in part", "half", "good"),
    "declined": Mark("Declined", "cross", "bad"),
    "refunded": Mark("Refunded", "back", "accent"),
    "disputed": Mark("Disputed", "scales", "warn"),
    "expired": Mark("Lapsed", "hourglass", ""),
    "reversed": Mark("Reversed", "undo", ""),
    "voided": Mark("Voided", "undo", ""),
}
#: The same in the coarser words of a list.
TRANSACTION_STATES: Final = {
    "held": STATES["approved"],
    "settled": STATES["cleared"],
    **{same: STATES[same] for same in ("declined", "refunded", "disputed", "expired", "reversed", "voided")},
}
TO_REVIEW: Final = Mark("To review", "flag", "accent")
FLAGGED: Final = Mark("Flagged", "flag", "warn")
CARD_STATES: Final = {
    "active": Mark("Active", "check", "good"),
    "frozen": Mark("Frozen", "snow", "calm"),
    "canceled": Mark("Canceled", "cross", "bad"),
}
ENDPOINT_STATES: Final = {
    "active": Mark("Active", "check", "good"),
    "failing": Mark("Failing", "flag", "bad"),
    "paused": Mark("Paused", "hourglass", "warn"),
}
DELIVERY_STATES: Final = {
    "pending": Mark("Waiting", "clock", "calm"),
    "delivered": Mark("Delivered", "check", "good"),
    "failed": Mark("Given up", "cross", "bad"),
    "dropped": Mark("Dropped", "hourglass", "warn"),
    "unknown": Mark("Not known", "clock", ""),
}
RECEIPT_STATES: Final = {
    "waiting": Mark("To be read", "clock", "calm"),
    "unreadable": Mark("Not readable", "cross", "warn"),
    "unmatched": Mark("No purchase", "hourglass", ""),
    "suggested": Mark("To confirm", "flag", "accent"),
    "matched": Mark("Matched", "check", "good"),
}
#: What the types of webhooks before the dot are about.
GROUP_WORDS: Final = {
    "authorization": "authorizations",
    "clearing": "settlements",
    "refund": "refunds",
    "dispute": "disputes",
    "budget": "budgets",
    "increase": "requests for more",
    "request": "requests for cards and budgets",
    "policy": "policies",
    "card": "cards",
    "case": "cases to review",
    "alert": "alerts",
    "event": "unusable events",
    "verification": "proofs of the books",
    "report": "scheduled reports",
}
INVITATION_STATES: Final = {
    "open": Mark("Invited", "clock", "calm"),
    "expired": Mark("Too old", "hourglass", "warn"),
}
#: How somebody came in.
SESSION_METHODS: Final = {"password": "by password", "link": "by a link", "oidc": "by a provider"}
#: Settlement files and their items.
RECONCILIATION_STATES: Final = {
    "receiving": Mark("Being received", "clock", "calm"),
    "matching": Mark("Being matched", "clock", "calm"),
    "matched": Mark("Matched", "check", "good"),
    "replaced": Mark("Replaced", "undo", ""),
    "open": Mark("Something is open", "flag", "warn"),
    "differs": Mark("Differs", "scales", "warn"),
    "missing_here": Mark("Missing here", "flag", "bad"),
    "missing_there": Mark("Missing there", "hourglass", "warn"),
    "duplicate": Mark("Told twice", "copy", "accent"),
    "unreadable": Mark("Not usable", "cross", "bad"),
}
RECONCILIATION_ACTIONS: Final = {
    "accept": "Leave it as it is; no money moves",
    "post": "Post it, as the file says",
    "reverse": "Take the booking back",
    "repost": "Take it back, and post what the file says",
}
AUDIT_STATES: Final = {
    "done": Mark("Done", "check", "good"),
    "refused": Mark("Refused", "cross", "bad"),
}
TRIAL_CHANGES: Final = {
    "declined": Mark("Would be declined", "cross", "bad"),
    "passed": Mark("Would be approved", "check", "good"),
    "reviewed": Mark("Would be looked at", "flag", "warn"),
}
#: What a payment turned out to be.
LABEL_MARKS: Final = {
    "fraud": Mark("Fraud", "cross", "bad"),
    "legitimate": Mark("Fine", "check", "good"),
    "unsure": Mark("Not sure", "half", ""),
}
REQUEST_STATES: Final = {
    "waiting": Mark("Waiting", "clock", "warn"),
    "approved": Mark("Approved", "check", "good"),
    "refused": Mark("Refused", "cross", "bad"),
    "lapsed": Mark("Nobody answered", "hourglass", ""),
}


def endpoint_state(endpoint: WebhookEndpointOut) -> Mark:
    """Active, failing or paused."""
    failing = endpoint.status == "active" and endpoint.failing_since is not None
    return ENDPOINT_STATES["failing" if failing else endpoint.status]


def attempt_mark(attempt: WebhookAttemptOut) -> Mark:
    """What came back: the status, or why there was none."""
    if attempt.error is None:
        return Mark(f"answered {attempt.status_code}", "check", "good")
    word = "no answer" if attempt.status_code is None else f"answered {attempt.status_code}"
    return Mark(word, "cross", "bad")


def key_state(key: KeyOut) -> Mark:
    """Good, replaced and going on for a while, at its end, or revoked. Without a tone: it opens nothing."""
    if key.revoked_at is not None:
        return Mark("Revoked", "cross", "")
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return Mark("Ended", "hourglass", "")
    return Mark("Replaced", "clock", "warn") if key.replaced_by else Mark("Good", "check", "good")


#: What a user agent calls itself, and what people call it; the first that is in it: each claims to be others.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """`Firefox on Windows`; of what is no browser its own words."""
    browser = next((word for mark, word in _BROWSERS if mark in user_agent), None)
    system = next((word for mark, word in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        return user_agent[:60] or "unknown"
    return f"{browser} on {system}" if system else browser


@lru_cache(maxsize=4096)
def amount(minor: int, currency: str) -> str:
    """`$6,000.00`: exact, in the currency's own digits."""
    return format_currency(Decimal(minor).scaleb(-exponent(currency)), currency, locale="en_US")


def about(minor: int, currency: str) -> str:
    """`$26,030`: what is only estimated, without the digits that nobody can know."""
    whole = Decimal(minor).scaleb(-exponent(currency)).quantize(Decimal(1))
    return format_currency(whole, currency, format="¤#,##0", locale="en_US", currency_digits=False)


def money(value: MoneyOut | None) -> str:
    return "" if value is None else amount(value.minor, value.currency)


def major(minor: int, currency: str) -> str:
    """For a field of a form: `6000.00`."""
    return f"{Decimal(minor).scaleb(-exponent(currency)):f}"


class NotMoney(ValueError):
    """A text that is no amount; its words say what would be."""


def minor_of(text: str, currency: str) -> int:
    """Minor units of what a person typed: `6,000.00`, `$48000`. Raises NotMoney."""
    digits = exponent(currency)
    plain = "".join(sign for sign in text.strip() if sign not in ", $€£¥\u00a0")
    whole, point, part = plain.partition(".")
    fits = plain.isascii() and whole.isdigit() and len(whole) <= 13 and len(part) <= digits
    if not fits or (point and not part.isdigit()):
        example = "1,250.00" if digits else "1,250"
        raise NotMoney(f"{text[:30]!r} is no amount in {currency}; write it like {example}")
    return int(whole + part.ljust(digits, "0"))


def moment(at: datetime | str | None) -> str:
    """Until a script says it in the reader's own time zone."""
    if at is None:
        return ""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def period(label: str) -> str:
    """`November 2026` of `2026-11`; other labels say enough."""
    year, _, month = label.partition("-")
    return f"{calendar.month_name[int(month)]} {year}" if len(label) == 7 and month.isdigit() else label


def percent(part: int, whole: int) -> int:
    """Whole percent, 0 where there is nothing to be a part of."""
    return 0 if whole <= 0 else round(100 * part / whole)


def rule_words(rule: Rule, currency: str) -> str:
    """A rule of a policy as a sentence."""
    match rule:
        case Block():
            said = f"{_upper(_match(rule.what))} are declined"
        case Allow():
            said = f"Only {_match(rule.what)} are allowed"
        case ActiveHours():
            days = "" if len(rule.days) == 7 else " on " + ", ".join(_DAYS[day - 1] for day in rule.days)
            said = f"Only from {rule.start} to {rule.end}{days} ({rule.time_zone})"
        case SpendLimit():
            said = _limit(rule, currency)
        case ScoreLimit():
            said = f"What is fraud with a probability of {rule.least / 10_000:g} % or more is declined"
            if rule.a_day is not None:
                said += f", of a day the {rule.a_day} most likely"
        case _:
            said = rule.rule_id
    whom = "" if rule.scope is None else f" For {rule.scope.level} {rule.scope.subject} only."
    return f"{said}{_ACTIONS[rule.action]}.{' Counts as suspected fraud.' if rule.fraud else ''}{whom}"


_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ACTIONS: Final = {
    "decline": "",
    "review": "; what is above is approved and looked at",
    "shadow": "; only tried out, it stops nothing",
}


def _limit(rule: SpendLimit, currency: str) -> str:
    most = []
    if rule.amount is not None:
        most.append(amount(rule.amount, currency))
    if rule.count is not None:
        most.append(f"{rule.count} purchases")
    what = "" if rule.only is None else f" at {_match(rule.only)}"
    if rule.window == "transaction":
        span = "in one purchase"
    elif rule.window == "rolling":
        span = f"in any {_seconds(rule.seconds or 0)}, for each {rule.per}"
    else:
        span = f"a {rule.calendar.period if rule.calendar else 'period'}, for each {rule.per}"
    return f"At most {' and '.join(most)} {span}{what}"


def _seconds(seconds: int) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"


def _match(what: Match) -> str:
    parts = []
    if what.merchants:
        parts.append("the merchants " + _list(what.merchants))
    if what.merchants_containing:
        parts.append("merchants with " + _list(what.merchants_containing) + " in the name")
    if what.mcc_groups:
        parts.append(
            "purchases of the kind " + _list(tuple(name.replace("_", " ") for name in what.mcc_groups))
        )
    if what.mccs:
        parts.append("the categories " + _list(what.mccs))
    if what.countries:
        parts.append("purchases in " + _list(what.countries))
    if what.entry_modes:
        parts.append("cards used by " + _list(tuple(mode.replace("_", " ") for mode in what.entry_modes)))
    return ", ".join(parts) or "all purchases"


def _list(names: tuple[str, ...], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
