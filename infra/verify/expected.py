"""What a question must be answered, by what was known of its payment and what the rules give."""

from __future__ import annotations

from typing import NamedTuple

from infra.verify.controls import charges
from infra.verify.limits import INCREMENTED, REQUESTED
from infra.verify.moments import later
from infra.verify.rates import ALERT as RATE_ALERT
from infra.verify.rates import disagrees
from infra.verify.state import Department, Payment
from infra.verify.told import Answer
from infra.verify.usage import Usage
from infra.verify.verdicts import Question, Verdict, judge
from schemas.decisions import Decision
from schemas.effects import Charges, HoldPlaced
from schemas.reasons import Outcome, Reason, ReasonCode

ADVISED, VERIFIED = "authorization.advised", "verification.requested"
_ABOUT_PAYMENTS = frozenset({REQUESTED, INCREMENTED, ADVISED})


class Before(NamedTuple):
    """A payment as its owner knew it before the decision.

    `missed`: this request of it timed out. `judged`: a request or an advice of it took effect; `approved`:
    one was approved. `rest`: of what was cleared before it is requested, how many minor units are left to
    ask for.
    """

    missed: bool = False
    judged: bool = False
    approved: bool = False
    posted: int = 0
    charges: Charges = ()
    rest: int | None = None


def is_question(decision: Decision) -> bool:
    """Whether the rules are asked: of an advice, whether they would have declined it."""
    kind = decision.event_type
    return kind in (REQUESTED, INCREMENTED, VERIFIED) or (kind == ADVISED and decision.approved is not None)


def before_of(decision: Decision, known: Payment | None) -> Before:
    """`known`: the decision's payment, if its owner knew it."""
    if known is None or decision.event_type not in _ABOUT_PAYMENTS:
        return Before()
    rest = None
    if decision.event_type == REQUESTED and known.charges and not known.judged:
        rest = 0 if known.settled else max(0, (decision.amount or 0) - known.posted)
    missed = known.voids(decision.event_id or "")
    return Before(missed, known.judged, known.judged and known.granted, known.posted, known.charges, rest)


def answer_to(
    decision: Decision,
    before: Before,
    department: Department,
    usage: Usage,
    asked: Question,
    *,
    in_part: bool,
) -> Answer:
    """What the decision must say; `department` has folded it. `in_part`: less may be approved."""
    # What it holds itself is not counted against it.
    own = [effect for effect in decision.effects if type(effect) is HoldPlaced]
    mine = sum(effect.amount for effect in own)
    payment = department.payments.get(decision.authorization_id or "")
    held = payment.held - mine if payment else 0
    in_charges = before.charges or (own[0].charges if own else ())
    if not in_charges and decision.event_type == REQUESTED:
        in_charges = charges(department, asked.purchase)
    asked = asked._replace(charges=in_charges, taken=dict.fromkeys(in_charges, mine) if mine else {})
    match decision.event_type:
        case "verification.requested":
            return _answer(judge(department, usage, asked._replace(verifies=True)))
        case "authorization.incremented" if not before.judged:
            return _refused(ReasonCode.UNKNOWN_PAYMENT)
        case "authorization.incremented" if not held:
            return _refused(ReasonCode.PAYMENT_CLOSED)
        case "authorization.incremented":
            asked = asked._replace(increments=True, held=held, posted=before.posted)
            return _answer(judge(department, usage, asked))
        case "authorization.advised":
            asked = asked._replace(amount=mine, increments=before.approved, held=held, posted=before.posted)
            return _to_advice(decision, before, judge(department, usage, asked) if mine else Verdict())
    if before.missed:
        return _refused(ReasonCode.DEADLINE_MISSED)
    if before.rest is not None:
        asked = asked._replace(amount=before.rest, posted=before.posted)
        verdict = judge(department, usage, asked) if before.rest else Verdict()
        return _answer(verdict)._replace(alerts=("cleared_before_request",))
    return _to_request(department, usage, asked, in_part=in_part)


def _to_request(department: Department, usage: Usage, asked: Question, *, in_part: bool) -> Answer:
    verdict = judge(department, usage, asked)
    if not verdict.reasons or not verdict.only_amounts:
        return _answer(verdict)
    now = max(0, verdict.room)
    if not in_part or not now:
        return _answer(verdict)._replace(now=now, later=later(department, usage, asked))
    part = judge(department, usage, asked._replace(amount=now))
    return _answer(part)._replace(
        outcome=Outcome.PARTIALLY_APPROVED, approved=now, reasons=tuple(verdict.reasons)
    )


def _to_advice(decision: Decision, before: Before, verdict: Verdict) -> Answer:
    """It is held whatever the rules say; what would have declined it is for somebody to look at."""
    alerts: tuple[str, ...] = (RATE_ALERT,) if disagrees(decision) else ()
    alerts += () if before.judged else ("no_authorization",)
    return Answer(
        Outcome.ACCEPTED,
        decision.approved,
        reviews=(*verdict.reasons, *verdict.reviews),
        shadows=tuple(verdict.shadows),
        alerts=(*alerts, "above_limits") if verdict.reasons else alerts,
    )


def _answer(verdict: Verdict) -> Answer:
    """All is approved, or nothing."""
    outcome = Outcome.DECLINED if verdict.reasons else Outcome.APPROVED
    return Answer(outcome, None, tuple(verdict.reasons), tuple(verdict.reviews), tuple(verdict.shadows))


def _refused(code: ReasonCode) -> Answer:
    return Answer(Outcome.DECLINED, None, (Reason(code=code),))
