"""O13 against decisions that leave a rule out, invent one, or tell other numbers than the rules give."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import msgspec
import pytest
from msgspec.structs import replace

from schemas.controls import Action, ActiveHours, Allow, Block, Calendar, Match, Rules, ScoreLimit, SpendLimit
from schemas.decisions import Decision
from schemas.events import (
    AuthorizationAdvised,
    AuthorizationIncremented,
    AuthorizationRequested,
    AuthorizationReversed,
    CardCanceled,
    CardFrozen,
    Event,
    Merchant,
    PolicyDrafted,
    VerificationRequested,
)
from schemas.reasons import Outcome, Reason, ReasonCode
from tests.verify.logs import Company
from tests.verify.told import (
    CARD,
    SHOP,
    approve,
    assert_true,
    budget,
    cap,
    card,
    company,
    event,
    found_by,
    held_more,
    hold,
    lie,
    policy,
    request,
    usd,
)

BAR = Merchant(name="Bar", mcc="5813", country="FR")
TWICE = SpendLimit(rule_id="twice", window="rolling", seconds=3600, count=1)
HOURLY = SpendLimit(rule_id="hourly", window="rolling", seconds=3600, amount=500)
DAILY = SpendLimit(rule_id="daily", window="calendar", calendar=Calendar("day"), count=1)
SPENT = SpendLimit(rule_id="spent", window="calendar", calendar=Calendar("day"), amount=500)
LARGE = SpendLimit(rule_id="large", window="transaction", amount=400)
NEVER = SpendLimit(rule_id="never", window="transaction", count=0, only=Match(countries=("DE",)))
OFFICE = ActiveHours(rule_id="office", start="08:00", end="12:00")
LIKELY = ScoreLimit(rule_id="likely", least=200_000, action="decline")
NO_FOOD = Block(rule_id="no-food", what=Match(mccs=("5411",)))
BARS = Allow(rule_id="bars", what=Match(mccs=("5813",)))


def tried(rule: SpendLimit) -> SpendLimit:
    return msgspec.structs.replace(rule, counts="requested")


class Kind(NamedTuple):
    """What one rule says of the last of `events`."""

    code: str
    events: tuple[Event, ...]
    only_o13: bool = True  # no other oracle sees an approval against it


FIRST, SECOND = request("a1", 300), request("a2", 300, 0.01)
SCORED = replace(request("a1", 300), event_id="likely-5")  # 0.93, by this id
DECLINES = {
    "unknown": Kind("card_unknown", (policy(registered_cards_only=True), FIRST)),
    "canceled": Kind("card_canceled", (card(), event(CardCanceled, card_id=CARD), FIRST), False),
    "frozen": Kind("card_frozen", (card(), event(CardFrozen, card_id=CARD), FIRST), False),
    "expired": Kind("card_expired", (card(expires_on=date(2026, 11, 9)), FIRST)),
    "used": Kind("card_used", (card(single_use=True), FIRST, SECOND)),
    "locked": Kind("merchant_locked", (card(locked_to="Bar"), FIRST)),
    "locked to the first": Kind(
        "merchant_locked", (card(lock_to_first=True), request("a1", 300, merchant=BAR), SECOND)
    ),
    "block": Kind("blocked", (policy(NO_FOOD), FIRST)),
    "allow": Kind("not_allowed", (policy(BARS), FIRST)),
    "hours": Kind("outside_hours", (policy(OFFICE), FIRST)),
    "score": Kind("fraud_likely", (policy(LIKELY), SCORED)),
    "transaction": Kind("amount_too_large", (policy(LARGE), request("a1", 401)), False),
    "none at all": Kind("count_exceeded", (policy(NEVER), FIRST)),
    "rolling count": Kind("count_exceeded", (policy(TWICE), FIRST, SECOND)),
    "requests": Kind("count_exceeded", (policy(tried(TWICE)), request("a1", 300_000), SECOND)),
    "rolling amount": Kind("limit_exceeded", (policy(HOURLY), FIRST, SECOND)),
    "count of a day": Kind("count_exceeded", (policy(DAILY), FIRST, SECOND)),
    "amount of a day": Kind("limit_exceeded", (policy(SPENT), FIRST, SECOND), False),
    "budget": Kind("budget_exceeded", (request("a1", 9_001),), False),
    "lease": Kind("lease_exceeded", (cap(4_000, "sales", "ops"), request("a1", 1_001)), False),
}
KINDS = pytest.mark.parametrize("kind", DECLINES.values(), ids=DECLINES.keys())


def told_of(kind: Kind) -> tuple[Company, Decision]:
    """A true log in which the rule declines the last request, and that decision."""
    told, decisions = company(budget(9_000), *kind.events)
    last = decisions[-1]
    assert (last.outcome, [reason.code.value for reason in last.reasons]) == ("declined", [kind.code])
    assert_true(told)
    return told, last


@KINDS
def test_an_approval_against_a_rule_is_found(kind: Kind) -> None:
    told, declined = told_of(kind)
    approve(told, declined)
    found = found_by(told)
    (said,) = found["O13"]
    assert said.startswith(f"decision {declined.position} ({declined.authorization_id}) records reasons none")
    assert f"the rules give {kind.code}" in said
    assert "is approved, but must be declined" in said
    # The lie says nothing of what an approval leaves behind: that is missed, too.
    assert (set(found) == {"O13", "O17"}) is kind.only_o13


@KINDS
def test_a_reason_that_is_left_out_is_found(kind: Kind) -> None:
    """It stays a decline, for another reason."""
    told, declined = told_of(kind)
    other = Reason(code=ReasonCode.BLOCKED, rule="invented")
    lie(told, declined, reasons=(other,))
    (said,) = found_by(told)["O13"]
    assert f"records reasons blocked invented, but the rules give {kind.code}" in said


@KINDS
def test_a_reason_that_is_invented_is_found(kind: Kind) -> None:
    _, declined = told_of(kind)
    told, decisions = company(budget(9_000), request("a9", 10))
    assert_true(told)
    lie(
        told,
        decisions[-1],
        outcome=Outcome.DECLINED,
        reasons=declined.reasons,
        effects=(),
        balances=held_more(decisions[-1], -10),
    )
    (said,) = found_by(told)["O13"]
    assert f"records reasons {kind.code}" in said
    assert "but the rules give none; is declined, but must be approved" in said


NUMBERS = ("limit", "posted", "held", "requested", "count", "count_limit")


@KINDS
def test_a_reason_with_another_number_is_found(kind: Kind) -> None:
    told, declined = told_of(kind)
    (reason,) = declined.reasons
    numbers = [name for name in NUMBERS if getattr(reason, name) is not None]
    assert bool(numbers) is ("exceeded" in kind.code or kind.code == "amount_too_large")
    for changed in (*numbers, "rule", "fraud"):
        before = getattr(reason, changed)
        value = not before if changed == "fraud" else "other" if changed == "rule" else before + 1
        lie(told, declined, reasons=(msgspec.structs.replace(reason, **{changed: value}),))
        assert "O13" in found_by(told), changed
    lie(told, declined, reasons=(reason,))
    assert_true(told)


def rules_of(kind: Kind) -> tuple[Rules, ...]:
    return next((item.policy.rules for item in kind.events if isinstance(item, PolicyDrafted)), ())


@pytest.mark.parametrize(("action", "where"), [("review", "reviews"), ("shadow", "shadows")])
@pytest.mark.parametrize("name", [name for name, kind in DECLINES.items() if rules_of(kind)])
def test_a_rule_in_review_or_shadow_is_followed_too(name: str, action: Action, where: str) -> None:
    """The same rule with another action: its reason must stand there, and nowhere else."""
    kind = DECLINES[name]
    rules = tuple(msgspec.structs.replace(rule, action=action) for rule in rules_of(kind))
    requests = [item for item in kind.events if isinstance(item, AuthorizationRequested)]
    within = [msgspec.structs.replace(item, amount=usd(min(item.amount.minor, 450))) for item in requests]
    told, decisions = company(budget(9_000), policy(*rules), *within)
    last = decisions[-1]
    (reason,) = getattr(last, where)
    assert (reason.code.value, last.outcome) == (kind.code, "approved")
    assert_true(told)
    lie(told, last, **{where: ()})
    assert f"records {where} none, but the rules give {kind.code}" in found_by(told)["O13"][0]
    lie(told, last, reviews=last.shadows, shadows=last.reviews)
    assert len(found_by(told)["O13"]) == 1


# -- more than one reason


def test_all_reasons_count_and_so_does_their_order() -> None:
    told, decisions = company(
        budget(200), policy(NO_FOOD, LARGE), card(), event(CardFrozen, card_id=CARD), request("a1", 500)
    )
    reasons = decisions[-1].reasons
    codes = ["card_frozen", "blocked", "amount_too_large", "budget_exceeded"]
    assert [reason.code.value for reason in reasons] == codes
    assert decisions[-1].response_code == "62"
    assert_true(told)
    for n in range(4):
        lie(told, decisions[-1], reasons=reasons[:n] + reasons[n + 1 :])
        assert "must be" not in found_by(told)["O13"][0]
    lie(told, decisions[-1], reasons=reasons[::-1])
    assert "records reasons budget_exceeded" in found_by(told)["O13"][0]


def test_a_tolerance_that_is_used_is_looked_at() -> None:
    told, decisions = company(budget(1_000, tolerance=50), request("a1", 1_001))
    assert_true(told)
    lie(told, decisions[-1], reviews=())
    assert "the rules give tolerance_used department (Budget 2026-11" in found_by(told)["O13"][0]


# -- windows


@pytest.mark.parametrize(
    ("rule", "seconds", "counts"),
    [(TWICE, 3600, True), (TWICE, 3660, False), (HOURLY, 3600, True), (HOURLY, 3660, False)],
)
def test_a_window_reaches_sixty_slots_back(rule: SpendLimit, seconds: int, counts: bool) -> None:
    told, decisions = company(
        budget(9_000), policy(rule), request("a1", 300), request("a2", 300, seconds / 86_400)
    )
    assert (decisions[-1].outcome == "declined") is counts
    assert_true(told)


def test_counters_go_on_under_an_unchanged_rule_and_begin_anew_under_a_changed_one() -> None:
    changed = msgspec.structs.replace(TWICE, seconds=7200)
    for rule, outcome in ((TWICE, "declined"), (changed, "approved")):
        told, decisions = company(budget(9_000), policy(TWICE), FIRST, policy(rule, LARGE), SECOND)
        assert decisions[-1].outcome == outcome
        assert_true(told)
    told, decisions = company(budget(9_000), policy(TWICE), FIRST, policy(TWICE, LARGE), SECOND)
    approve(told, decisions[-1])
    assert set(found_by(told)) == {"O13", "O17"}


def test_a_policy_without_a_rule_forgets_what_it_counted() -> None:
    told, decisions = company(budget(9_000), policy(TWICE), FIRST, policy(LARGE), policy(TWICE), SECOND)
    assert decisions[-1].outcome == "approved"
    assert_true(told)
    code = Reason(
        code=ReasonCode.COUNT_EXCEEDED,
        rule="twice",
        subject=CARD,
        period="any 3600 s",
        count=2,
        count_limit=1,
    )
    lie(
        told,
        decisions[-1],
        outcome=Outcome.DECLINED,
        reasons=(code,),
        effects=(),
        balances=held_more(decisions[-1], -300),
    )
    assert "the rules give none; is declined, but must be approved" in found_by(told)["O13"][0]


def test_another_policy_than_the_one_in_force_is_found() -> None:
    told, decisions = company(budget(9_000), policy(LARGE), FIRST)
    assert decisions[-1].policy_version == 1
    lie(told, decisions[-1], policy_version=0)
    assert "names policy 0; 1 is in force" in found_by(told)["O13"][0]


# -- other questions

MORE = event(
    AuthorizationIncremented, 0.01, authorization_id="a1", card_id=CARD, amount=usd(200), merchant=SHOP
)


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((policy(LARGE), FIRST), "amount_too_large"),
        ((FIRST, policy(NO_FOOD)), "blocked"),
        ((FIRST, policy(OFFICE)), "outside_hours"),
        ((policy(msgspec.structs.replace(HOURLY, amount=400)), FIRST), "limit_exceeded"),
        ((), "unknown_payment"),
        ((FIRST, event(AuthorizationReversed, authorization_id="a1")), "payment_closed"),
    ],
)
def test_an_increment_against_a_rule_is_found(events: tuple[Event, ...], code: str) -> None:
    told, decisions = company(budget(9_000), *events, MORE)
    last = decisions[-1]
    assert [reason.code.value for reason in last.reasons] == [code]
    assert_true(told)
    charges = ("department@2026-11",)
    lie(told, last, outcome=Outcome.APPROVED, reasons=(), effects=(hold(last, 200, 7, charges),))
    assert f"the rules give {code}" in found_by(told)["O13"][0]


def test_a_charged_limit_of_some_merchants_asks_who_is_named() -> None:
    food = msgspec.structs.replace(SPENT, amount=400, only=Match(mccs=("5411",)))
    for merchant, outcome in ((SHOP, "declined"), (BAR, "approved"), (None, "approved")):
        more = msgspec.structs.replace(MORE, merchant=merchant)
        told, decisions = company(budget(9_000), policy(food), FIRST, more)
        assert decisions[-1].outcome == outcome
        assert_true(told)


def test_a_limit_of_an_employee_goes_on_though_an_increment_names_nobody() -> None:
    hers = msgspec.structs.replace(SPENT, amount=400, per="employee")
    told, decisions = company(budget(9_000), policy(hers), request("a1", 300, cardholder="ann"), MORE)
    assert [reason.subject for reason in decisions[-1].reasons] == ["ann"]
    assert_true(told)


def test_an_increment_is_no_request_to_a_count() -> None:
    told, decisions = company(budget(9_000), policy(TWICE), FIRST, MORE)
    assert decisions[-1].outcome == "approved"
    assert_true(told)


@pytest.mark.parametrize("rule", [NO_FOOD, BARS, OFFICE], ids=lambda rule: rule.rule_id)
def test_a_verification_against_a_rule_is_found(rule: Block | Allow | ActiveHours) -> None:
    asked = event(VerificationRequested, card_id=CARD, merchant=SHOP)
    told, decisions = company(budget(9_000), policy(rule), asked)
    assert decisions[-1].outcome == "declined"
    assert_true(told)
    lie(told, decisions[-1], outcome=Outcome.APPROVED, reasons=())
    assert "is approved, but must be declined" in found_by(told)["O13"][0]


def test_an_advice_that_hides_what_would_have_declined_it_is_found() -> None:
    advice = event(AuthorizationAdvised, authorization_id="a1", card_id=CARD, amount=usd(500), merchant=SHOP)
    told, decisions = company(budget(9_000), policy(LARGE), advice)
    assert decisions[-1].alerts == ("no_authorization", "above_limits")
    assert_true(told)
    lie(told, decisions[-1], reviews=(), alerts=("no_authorization",))
    (said,) = found_by(told)["O13"]
    assert "records reviews none, but the rules give amount_too_large large" in said
    assert "must alert no_authorization, above_limits" in said


def test_a_request_that_timed_out_has_no_other_reason() -> None:
    timeout = event(AuthorizationReversed, authorization_id="a1", cause="timeout")
    told, decisions = company(budget(9_000), policy(NO_FOOD), timeout, FIRST)
    assert_true(told)
    lie(
        told, decisions[-1], reasons=(*decisions[-1].reasons, Reason(code=ReasonCode.BLOCKED, rule="no-food"))
    )
    assert "the rules give deadline_missed" in found_by(told)["O13"][0]
