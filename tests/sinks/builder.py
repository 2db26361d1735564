"""Valid stretches of the decision log: a method for each kind of decision."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from schemas.controls import Calendar, Policy
from schemas.decisions import Contribution, Decision, Score
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    CardChanged,
    Charges,
    DisputeClosed,
    DisputeStarted,
    Effects,
    FxDifference,
    IncreaseAsked,
    IncreaseClosed,
    IncreaseStep,
    PaymentLabelled,
    PaymentVoided,
    PolicyStored,
    PolicyTaken,
    Posted,
    PostingUndone,
    Refunded,
    RefundUndone,
)
from schemas.event import Label, LabelSource
from schemas.reasons import Outcome, Reason, ReasonCode
from tests.sinks.sealed_log import CHARGES, LIMIT, PERIOD, Cause, SealedLog


class DecisionLog(SealedLog):
    """One partition's decisions, in order. Every method appends one and returns it."""

    # -- the life of a payment

    def approve(
        self,
        authorization: str,
        amount: int = 1000,
        department: str = "eng",
        *,
        hold_amount: int | None = None,
        charges: Charges = CHARGES,
        expires_at: datetime | None = None,
        **more: Any,
    ) -> Decision:
        hold = self._hold(authorization, amount if hold_amount is None else hold_amount, charges, expires_at)
        score = Score(value=0.125, model="usual", version="1", reasons=(Contribution("amount", 2.0, 0.5),))
        event = ("authorization.requested", Outcome.APPROVED, department, authorization, amount)
        return self.append(*event, hold, **{"score": score} | more)

    def approve_in_part(self, authorization: str, amount: int, part: int) -> Decision:
        hold = self._hold(authorization, part, CHARGES, None)
        event = ("authorization.requested", Outcome.PARTIALLY_APPROVED, "eng", authorization, amount)
        return self.append(*event, hold, approved=part, reasons=(_exceeded("eng", amount),))

    def decline(
        self, authorization: str, amount: int = 1000, department: str = "eng", **more: Any
    ) -> Decision:
        event = ("authorization.requested", Outcome.DECLINED, department, authorization, amount)
        return self.append(*event, **{"reasons": (_exceeded(department, amount),)} | more)

    def increment(self, authorization: str, amount: int, **more: Any) -> Decision:
        hold = self._hold(authorization, amount, CHARGES, None)
        event = ("authorization.incremented", Outcome.APPROVED, "eng", authorization, amount)
        return self.append(*event, hold, **more)

    def decline_increment(self, authorization: str, amount: int) -> Decision:
        event = ("authorization.incremented", Outcome.DECLINED, "eng", authorization, amount)
        return self.append(*event, reasons=(_exceeded("eng", amount),))

    def advise(self, authorization: str, amount: int, hold: int, **more: Any) -> Decision:
        """`hold`: by how much it is raised, below zero released."""
        if hold > 0:
            effect: Effects = self._hold(authorization, hold, CHARGES, None)
        else:
            effect = self._release(authorization, "advice", -hold)[0]
        event = ("authorization.advised", Outcome.ACCEPTED, "eng", authorization, amount)
        return self.append(*event, effect, approved=amount, **more)

    def advise_decline(self, authorization: str, amount: int) -> Decision:
        released = self._release(authorization, "advice")
        event = ("authorization.advised", Outcome.ACCEPTED, "eng", authorization, amount)
        return self.append(*event, *released)

    def void(self, authorization: str, request_id: str | None = None, **more: Any) -> Decision:
        event = ("authorization.reversed", Outcome.ACCEPTED, "eng", authorization, None)
        return self.append(
            *event, PaymentVoided(authorization_id=authorization, request_id=request_id), **more
        )

    def reverse(
        self,
        authorization: str,
        department: str = "eng",
        cause: Cause = "reversal",
        amount: int | None = None,
    ) -> Decision:
        event = ("authorization.reversed", Outcome.ACCEPTED, department, authorization, None)
        return self.append(*event, *self._release(authorization, cause, amount))

    def tick(self, *lapsing: str, department: str = "eng") -> Decision:
        """Time has come; the holds of these payments lapse."""
        released = [effect for name in lapsing for effect in self._release(name, "expiry")]
        return self.append("clock.ticked", Outcome.ACCEPTED, department, None, None, *released)

    def clear(
        self,
        authorization: str,
        amount: int = 1000,
        department: str = "eng",
        *,
        fx: int = 0,
        lapsing: tuple[str, ...] = (),
        **more: Any,
    ) -> Decision:
        """`amount` in all, of which `fx` comes of the rate (below zero: a gain)."""
        lapsed = [effect for name in lapsing for effect in self._release(name, "expiry")]
        charges = self._held.get(authorization, (0, CHARGES))[1]
        released = self._release(authorization, "clearing")
        effects: list[Effects] = [
            *lapsed,
            *released,
            Posted(authorization_id=authorization, amount=amount - fx, charges=charges, final=True),
        ]
        if fx:
            direction: Literal["loss", "gain"] = "loss" if fx > 0 else "gain"
            difference = FxDifference(
                authorization_id=authorization, amount=abs(fx), charges=charges, direction=direction
            )
            effects.append(difference)
        alerts = () if released else ("no_authorization",)
        event = ("clearing.presented", Outcome.ACCEPTED, department, authorization, amount)
        return self.append(*event, *effects, **{"alerts": alerts} | more)

    def undo(self, clearing: Decision, *, actor: str | None = None, **changes: Any) -> Decision:
        """Takes back all that `clearing` posted."""
        posted = next(effect for effect in clearing.effects if isinstance(effect, Posted))
        fx = 0
        for effect in clearing.effects:
            if isinstance(effect, FxDifference):
                fx = effect.amount if effect.direction == "loss" else -effect.amount
        undone: dict[str, Any] = {
            "authorization_id": posted.authorization_id,
            "amount": posted.amount,
            "charges": posted.charges,
            "of_seq": clearing.seq,
            "fx": fx,
        }
        effect = PostingUndone(**undone | changes)
        event = ("posting.reversed", Outcome.ACCEPTED, "eng", effect.authorization_id, effect.amount + fx)
        return self.append(*event, effect, actor=actor)

    def refund(
        self,
        authorization: str | None,
        amount: int = 100,
        department: str = "eng",
        refund_id: str | None = None,
    ) -> Decision:
        effect = Refunded(
            refund_id=refund_id or f"r-{self.partition}-{len(self.values)}",
            charges=CHARGES,
            amount=amount,
            authorization_id=authorization,
        )
        return self.append("refund.presented", Outcome.ACCEPTED, department, authorization, amount, effect)

    def undo_refund(self, refund_id: str, authorization: str | None, amount: int) -> Decision:
        effect = RefundUndone(
            refund_id=refund_id, authorization_id=authorization, charges=CHARGES, amount=amount
        )
        return self.append("refund.reversed", Outcome.ACCEPTED, "eng", None, amount, effect)

    def dispute(self, authorization: str, amount: int, dispute_id: str, provisional: bool) -> Decision:
        effect = DisputeStarted(
            dispute_id=dispute_id, authorization_id=authorization, amount=amount, provisional=provisional
        )
        return self.append("dispute.opened", Outcome.ACCEPTED, "eng", authorization, amount, effect)

    def resolve(self, opened: Decision, outcome: Literal["won", "lost", "withdrawn"]) -> Decision:
        """As the core does: the decision itself names no authorization, its effect does."""
        (start,) = opened.effects
        assert isinstance(start, DisputeStarted)
        effect = DisputeClosed(
            dispute_id=start.dispute_id,
            authorization_id=start.authorization_id,
            amount=start.amount,
            charges=CHARGES,
            provisional=start.provisional,
            outcome=outcome,
        )
        return self.append("dispute.resolved", Outcome.ACCEPTED, "eng", None, start.amount, effect)

    # -- what people set

    def label(self, authorization: str, label: Label, source: LabelSource = "review") -> Decision:
        effect = PaymentLabelled(authorization_id=authorization, label=label, source=source)
        event = ("authorization.labelled", Outcome.ACCEPTED, "eng", authorization, None)
        return self.append(*event, effect, actor="mo")

    def budget(
        self,
        department: str = "eng",
        limit: int = LIMIT,
        budget_id: str = "department",
        *,
        actor: str | None = None,
        **more: Any,
    ) -> Decision:
        opened: tuple[Effects, ...] = ()
        if budget_id == "department":
            self.limit = limit
            opened = self._opens(department)
        fields: dict[str, Any] = {
            "budget_id": budget_id,
            "period": PERIOD,
            "level": "department",
            "name": department.title(),
            "limit": limit,
            "calendar": Calendar(),
        }
        change = BudgetChanged(**fields | more)
        balances = self._balances(department, (f"{budget_id}@{PERIOD}",), limit)
        event = ("budget.set", Outcome.ACCEPTED, department, None, limit)
        return self.append(*event, change, *opened, balances=balances, actor=actor)

    def set(self, event_type: str, *effects: Effects, department: str = "eng", **more: Any) -> Decision:
        """Something was set that moves no money."""
        amount = more.pop("amount", None)
        return self.append(event_type, Outcome.ACCEPTED, department, None, amount, *effects, **more)

    def ask_increase(self, request_id: str, amount: int = 500, **changes: Any) -> Decision:
        """`asked_by` key_a, for two levels unless told otherwise, until tomorrow."""
        fields: dict[str, Any] = {
            "request_id": request_id,
            "budget_id": "department",
            "amount": amount,
            "ends_at": self._now() + timedelta(days=1),
            "asked_by": "key_a",
            "levels": (("key_b",), ()),
        }
        effect = IncreaseAsked(**fields | changes)
        return self.set("increase.requested", effect, actor=effect.asked_by, amount=amount)

    def approve_increase(self, asked: Decision, approved_by: str, left: int) -> Decision:
        """With none left it is in force at once, as far as balances are told."""
        (request,) = asked.effects
        assert isinstance(request, IncreaseAsked)
        step = IncreaseStep(request_id=request.request_id, approved_by=approved_by, left=left)
        effects: list[Effects] = [step]
        if not left:
            effects.append(
                BudgetIncreaseSet(
                    budget_id=request.budget_id,
                    amount=request.amount,
                    starts_at=request.starts_at or self._now(),
                    ends_at=request.ends_at,
                )
            )
            self.limit += request.amount
        return self.set("increase.approved", *effects, actor=approved_by)

    def refuse_increase(self, request_id: str, refused_by: str, reason: str | None = None) -> Decision:
        effect = IncreaseClosed(request_id=request_id, refused_by=refused_by, reason=reason)
        return self.set("increase.refused", effect, actor=refused_by)

    def draft(self, version: int, policy: Policy, activate: bool = False) -> Decision:
        effects: list[Effects] = [PolicyStored(policy_version=version, policy=policy)]
        if activate:
            effects.append(PolicyTaken(policy_version=version))
        return self.set("policy.drafted", *effects)

    def card(self, card: Any) -> Decision:
        return self.set("card.set", CardChanged(card=card), card_id=card.card_id)

    # -- many

    def mixed(self, count: int, departments: int = 3) -> DecisionLog:
        """About `count` decisions of every kind; payments are cleared, reversed or left open."""
        for number in range(departments):
            self.budget(f"dept-{number}")
        number = 0
        while len(self.values) < count:
            department, name = f"dept-{number % departments}", f"a-{self.partition}-{number:06d}"
            approved = self.approve(name, 1000 + number, department)
            match number % 7:
                case 0:
                    self.clear(name, 900 + number, department, fx=(0, 20, -20)[number % 3])
                case 1:
                    self.reverse(name, department)
                case 2:
                    self.repeat(approved)
                case 3:
                    self.decline(f"{name}-no", 5, department)
                case 4:
                    self.clear(f"{name}-forced", 70, department)
                    self.refund(f"{name}-forced", 70, department)
                case 5:
                    self.unreadable()
                    self.refund(None, 3, department)
            if number >= 12:
                late = number - 12  # a clearing, or its hold's end, some batches after its request
                if late % 7 == 3:
                    self.clear(f"a-{self.partition}-{late:06d}", 1000 + late, f"dept-{late % departments}")
                elif late % 7 == 5:
                    self.tick(f"a-{self.partition}-{late:06d}", department=f"dept-{late % departments}")
            number += 1
        return self


def _exceeded(department: str, amount: int) -> Reason:
    return Reason(
        code=ReasonCode.BUDGET_EXCEEDED,
        rule="department",
        subject=department,
        period=PERIOD,
        currency="USD",
        limit=LIMIT,
        posted=0,
        held=0,
        requested=amount,
    )
