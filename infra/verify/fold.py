"""A second, small model of what decisions mean: totals from effects, and what of them cannot be."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any

from infra.verify.calendar import seconds
from infra.verify.postings import Postings
from infra.verify.rates import disagrees
from infra.verify.state import SPAN_S, About, Department, DepartmentName, Dispute, Payment, Refund
from infra.verify.terms import TERMS
from schemas.decisions import Decision
from schemas.effects import (
    Charges,
    DisputeClosed,
    DisputeStarted,
    FxDifference,
    HoldPlaced,
    HoldReleased,
    PaymentVoided,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from schemas.names import merchant_key
from schemas.reasons import Outcome


class Fold:
    """State of one partition as its decisions say. Complaints of `apply` name what cannot follow.

    `newly_charged`: payments and refunds whose charges the last decision has fixed.
    """

    def __init__(self) -> None:
        self.departments: dict[DepartmentName, Department] = {}
        self.newly_charged: list[Charges] = []
        self._charges: dict[Charges, Charges] = {}
        self._abouts: dict[About, About] = {}
        self.postings = Postings()
        self._span = 0  # of the decision that is applied
        self._wrong: list[str] = []

    def department(self, decision: Decision) -> Department:
        """That of a decision that took effect."""
        name = (decision.organization_id or "", decision.department_id or "")
        found = self.departments.get(name)
        if found is None:
            found = self.departments[name] = Department(currency=decision.currency or "?")
        return found

    def apply(self, decision: Decision) -> list[str]:
        """Fold a decision that is neither a repeat nor rejected; returns what is wrong with its effects."""
        self._wrong = []
        self.newly_charged = []
        self._span = span(decision)
        department = self.department(decision)
        department.clock_s = max(department.clock_s, clock_s(decision))
        # What the other effects come to is worked out here from what was asked and answered.
        for effect in decision.effects:
            term, move = TERMS.get(type(effect)), _MOVES.get(type(effect))
            amount = getattr(effect, "amount", 1)
            if amount < 0 or (amount == 0 and move is not None):
                self._wrong.append(f"moves {amount} minor units")
            if term is not None:
                term(department, effect, decision)
            elif move is not None:
                move(self, department, effect, decision)
        self._remember(department, decision)
        # Last: the owner forgets after a decision, not before it.
        department.latest_span = max(department.latest_span, self._span)
        return self._wrong

    # -- effects

    def _hold(self, department: Department, effect: HoldPlaced, decision: Decision) -> None:
        payment = self._charge(department, effect.authorization_id, effect.charges, decision)
        for charge in payment.charges:
            department.counted(charge).held += effect.amount
        payment.held += effect.amount
        payment.closed = ""
        payment.expires_s = seconds(effect.expires_at)
        department.expect(effect.authorization_id, payment)

    def _release(self, department: Department, effect: HoldReleased, decision: Decision) -> None:
        payment = self._charge(department, effect.authorization_id, effect.charges, decision)
        if effect.amount > payment.held:
            self._wrong.append(
                f"releases {effect.amount} of {effect.authorization_id}, which holds {payment.held}"
            )
        for charge in payment.charges:
            department.counted(charge).held -= effect.amount
        payment.held -= effect.amount
        if not payment.held:
            payment.closed = effect.cause
        if effect.cause == "expiry":
            payment.expired += effect.amount

    def _void(self, department: Department, effect: PaymentVoided, decision: Decision) -> None:
        payment = self._payment(department, effect.authorization_id, decision)
        if payment.answered and not payment.voided:
            self._wrong.append(f"voids {effect.authorization_id}, which was answered before")
        payment.voided = (*payment.voided, effect.request_id or "")

    def _post(self, department: Department, effect: Posted | FxDifference, decision: Decision) -> None:
        gain = type(effect) is FxDifference and effect.direction == "gain"
        amount = -effect.amount if gain else effect.amount
        payment = self._charge(department, effect.authorization_id, effect.charges, decision)
        for charge in payment.charges:
            department.counted(charge).posted += amount
        payment.posted += amount
        fx = type(effect) is FxDifference
        name = (decision.organization_id, decision.department_id, effect.authorization_id)
        self.postings.add(decision.seq, name, amount, fx=fx)
        if type(effect) is Posted:
            payment.settled = payment.settled or effect.final
            payment.clearings += 1

    def _undo(self, department: Department, effect: PostingUndone, decision: Decision) -> None:
        payment = self._charge(department, effect.authorization_id, effect.charges, decision)
        amount = effect.amount + effect.fx
        name = (decision.organization_id, decision.department_id, effect.authorization_id)
        wrong = self.postings.take_back(effect.of_seq, name, amount, effect.fx)
        if wrong is not None:
            self._wrong.append(wrong)
        if amount > payment.net:
            self._wrong.append(
                f"takes back {amount} of {effect.authorization_id}, of which {payment.net} stand"
            )
        for charge in payment.charges:
            department.counted(charge).posted -= amount
        payment.posted -= amount

    def _refund(self, department: Department, effect: Refunded, decision: Decision) -> None:
        charges = effect.charges
        known = department.refunds.get(effect.refund_id)
        if known is not None and not department.past(known.touched):
            self._wrong.append(f"refunds {effect.refund_id} a second time")
        payment = department.known(effect.authorization_id)
        if payment is None or not payment.charges:
            self.newly_charged.append(charges)
        elif charges != payment.charges:
            self._wrong.append(f"refunds {effect.authorization_id} in {charges}, not in {payment.charges}")
        linked = None if payment is None else effect.authorization_id
        self._count_refund(department, effect.authorization_id, payment, effect.amount, decision)
        charges = self._charges.setdefault(charges, charges)
        before, undone = (known.amount, known.undone) if known else (0, 0)
        department.refunds[effect.refund_id] = Refund(
            charges,
            effect.authorization_id,
            linked,
            amount=before + effect.amount,
            undone=undone,
            left=effect.amount,
            touched=self._span,
            seq=decision.seq,
        )
        for charge in charges:
            department.counted(charge).posted -= effect.amount

    def _take_back(self, department: Department, effect: RefundUndone, decision: Decision) -> None:
        refund = department.refunds.get(effect.refund_id)
        if (
            refund is None
            or effect.amount > refund.left
            or effect.authorization_id != refund.authorization_id
        ):
            self._wrong.append(f"takes back {effect.amount} of refund {effect.refund_id}, which is {refund}")
        if refund is not None:
            refund.left -= effect.amount
            refund.undone += effect.amount
            refund.touched, refund.seq = max(refund.touched, self._span), decision.seq
            if effect.charges != refund.charges:
                self._wrong.append(
                    f"takes back {effect.refund_id} in {effect.charges}, not in {refund.charges}"
                )
        payment = department.known(effect.authorization_id)
        self._count_refund(department, effect.authorization_id, payment, -effect.amount, decision)
        for charge in effect.charges:
            department.counted(charge).posted += effect.amount

    def _dispute(self, department: Department, effect: DisputeStarted, decision: Decision) -> None:
        payment = self._payment(department, effect.authorization_id, decision)
        known = department.disputes.get(effect.dispute_id)
        if known is not None and not (known.outcome and department.past(known.touched)):
            self._wrong.append(f"opens dispute {effect.dispute_id} a second time")
        if effect.amount > payment.net:
            self._wrong.append(
                f"disputes {effect.amount} of {effect.authorization_id}, of which {payment.net} stand"
            )
        department.disputes[effect.dispute_id] = Dispute(
            effect.authorization_id, effect.amount, effect.provisional, touched=self._span
        )
        payment.disputed += effect.amount

    def _settle(self, department: Department, effect: DisputeClosed, decision: Decision) -> None:
        known = department.disputes.get(effect.dispute_id)
        opened = (effect.authorization_id, effect.amount, effect.provisional, None)
        if (
            known is None
            or (known.authorization_id, known.amount, known.provisional, known.outcome) != opened
        ):
            self._wrong.append(f"closes dispute {effect.dispute_id} of {opened}, which is {known}")
        department.disputes[effect.dispute_id] = Dispute(
            effect.authorization_id, effect.amount, effect.provisional, self._span, effect.outcome
        )
        payment = self._charge(department, effect.authorization_id, effect.charges, decision)
        if effect.outcome != "won":
            payment.disputed -= effect.amount
            return
        payment.recovered += effect.amount
        for charge in payment.charges:
            department.counted(charge).posted -= effect.amount

    # -- payments

    def _payment(self, department: Department, authorization_id: str, decision: Decision) -> Payment:
        payment = department.payments.get(authorization_id)
        if payment is None:
            payment = Payment(touched=self._span, first_seq=decision.seq, since=decision.seq)
            payment.begun_s, payment.about = begun_s(decision), self._about(decision)
            department.payments[authorization_id] = payment
        elif payment.ghost or department.forgotten(payment):
            payment = department.payments[authorization_id] = payment.anew(self._span, decision.seq)
        payment.seq = decision.seq
        payment.touched = max(payment.touched, self._span)
        return payment

    def _count_refund(
        self,
        department: Department,
        authorization_id: str | None,
        known: Payment | None,
        amount: int,
        decision: Decision,
    ) -> None:
        """A refund of a payment that is not known counts in its books, and in nothing else."""
        if authorization_id is None:
            return
        payment = known or department.payments.get(authorization_id)
        if payment is None:
            payment = department.payments[authorization_id] = Payment(ghost=True, first_seq=decision.seq)
            payment.begun_s, payment.about = begun_s(decision), self._about(decision)
        payment.seq = decision.seq
        if known is not None:
            known.refunded += amount
            known.touched = max(known.touched, self._span)
        else:
            payment.earlier = payment.earlier._replace(refunded=payment.earlier.refunded + amount)

    def _charge(
        self, department: Department, authorization_id: str, charges: Charges, decision: Decision
    ) -> Payment:
        """The payment, with its charges fixed to these if none were before."""
        payment = self._payment(department, authorization_id, decision)
        if payment.charges == charges:
            return payment
        if not payment.charges:
            # The same few tuples for many payments: one object each.
            payment.charges = self._charges.setdefault(charges, charges)
            self.newly_charged.append(charges)
        else:
            self._wrong.append(f"counts {authorization_id} in {charges}, not in {payment.charges}")
        return payment

    def _remember(self, department: Department, decision: Decision) -> None:
        """What the answer itself, not its effects, tells of a payment."""
        name = decision.authorization_id
        if name is None:
            return
        if decision.event_type == "authorization.requested":
            payment = self._payment(department, name, decision)
            self._show(payment, decision)
            payment.answer = intern(decision.outcome.value)
            payment.in_part = decision.outcome is Outcome.PARTIALLY_APPROVED
            payment.requested, payment.authorized = decision.amount or 0, decision.granted
            if not payment.voids(decision.event_id or ""):
                payment.voided, payment.opened, payment.opened_span = (), decision.seq, self._span
            if decision.granted:
                _grant(payment, decision)
        elif decision.event_type == "authorization.advised":
            payment = self._payment(department, name, decision)
            if not payment.shown or (not payment.authorized and decision.approved is not None):
                self._show(payment, decision)
            if not payment.authorized:
                payment.authorized = decision.approved or 0
            if decision.approved is not None or not payment.voided:
                payment.advised = decision.approved is not None
            if decision.approved is not None:
                payment.voided = ()
                _grant(payment, decision)
        elif name in department.payments:
            payment = department.payments[name]
            payment.seq = decision.seq
            if department.known(name) is not None:
                payment.touched = max(payment.touched, self._span)
        if decision.reviews and name in department.payments:
            payment = department.payments[name]
            payment.review, payment.case = True, "open"

    def _show(self, payment: Payment, decision: Decision) -> None:
        payment.shown, payment.about = True, self._about(decision)
        score = decision.score
        payment.flagged = score is not None and score.flagged
        payment.score = -1.0 if score is None else score.value
        if payment.flagged:
            payment.case = "open"

    def _about(self, decision: Decision) -> About:
        merchant = decision.merchant
        named = (None, None) if merchant is None else (merchant_key(merchant.name), merchant.mcc)
        about = (decision.cardholder, *named)
        return self._abouts.setdefault(about, about)


def _grant(payment: Payment, decision: Decision) -> None:
    """Approved; later clearings go by the rate of the first approval that tells one."""
    payment.granted = True
    foreign, rate = decision.merchant_amount, decision.rate
    if payment.foreign is None and foreign is not None and rate is not None and not disagrees(decision):
        payment.foreign = foreign.currency, rate


def span(decision: Decision) -> int:
    """Which span of time the decision's event lies in."""
    return seconds(decision.occurred_at or decision.recorded_at) // SPAN_S


def begun_s(decision: Decision) -> int:
    """The second in which a payment is first heard of with this decision."""
    return seconds(decision.occurred_at or decision.recorded_at)


def clock_s(decision: Decision) -> int:
    """The second that this decision, if it took effect, has moved its department's clock to at least."""
    occurred = decision.occurred_at or decision.recorded_at
    return seconds(min(occurred, decision.recorded_at))


_MOVES: dict[type, Callable[[Fold, Department, Any, Decision], None]] = {
    HoldPlaced: Fold._hold,
    HoldReleased: Fold._release,
    PaymentVoided: Fold._void,
    Posted: Fold._post,
    FxDifference: Fold._post,
    PostingUndone: Fold._undo,
    Refunded: Fold._refund,
    RefundUndone: Fold._take_back,
    DisputeStarted: Fold._dispute,
    DisputeClosed: Fold._settle,
}
