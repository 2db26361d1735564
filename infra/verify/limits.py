"""O4: no approval above a limit that was in force, at any prefix of the log."""

from __future__ import annotations

from infra.verify.calendar import seconds
from infra.verify.controls import Purchase, ceiling, charges, spend_limits
from infra.verify.report import Report
from infra.verify.state import Department, Payment
from schemas.decisions import PROBABILITIES, Decision
from schemas.effects import Charges, HoldPlaced
from schemas.reasons import Outcome

REQUESTED, INCREMENTED = "authorization.requested", "authorization.incremented"
GRANTED = (Outcome.APPROVED, Outcome.PARTIALLY_APPROVED)


class Limits:
    """Looks at each decision that took effect, after it was folded."""

    def __init__(self, report: Report) -> None:
        self._oracle = report["O4"]

    def look(
        self, decision: Decision, department: Department, known: Payment | None, newly_charged: list[Charges]
    ) -> None:
        """`known`: its payment, if its owner knew it. `newly_charged`: charges that it has fixed."""
        if newly_charged:
            wanted = charges(department, purchase_of(decision))
            for found in newly_charged:
                self._oracle.checked += 1
                if found != wanted:
                    self._violated(decision, f"counts in {found}, but must count in {wanted}")
        held = [effect for effect in decision.effects if type(effect) is HoldPlaced]
        if decision.outcome is Outcome.PARTIALLY_APPROVED:
            self._check_part(decision)
        if decision.outcome not in GRANTED:
            if held and decision.event_type != "authorization.advised":
                self._violated(decision, "holds money, but approves nothing")
        elif decision.event_type in (REQUESTED, INCREMENTED):
            self._check_approval(decision, department, known, held)
        elif held or decision.event_type != "verification.requested":
            self._violated(decision, f"approves a {decision.event_type}")

    def _check_part(self, decision: Decision) -> None:
        asked, approved = decision.amount or 0, decision.approved or 0
        if decision.event_type != REQUESTED or not 0 < approved < asked or not decision.reasons:
            self._violated(decision, f"approves {approved} of {asked} in part")

    def _check_approval(
        self, decision: Decision, department: Department, known: Payment | None, held: list[HoldPlaced]
    ) -> None:
        self._oracle.checked += 1
        payment = department.payments.get(decision.authorization_id or "", _NOTHING)
        amount = sum(effect.amount for effect in held)
        wanted = _to_hold(decision, known)
        if amount != wanted or any(hold.authorization_id != decision.authorization_id for hold in held):
            self._violated(decision, f"holds {amount or 'nothing'}, but must hold {wanted}")
        if not amount:
            return
        card = department.cards.get(decision.card_id or "")
        if card is not None and card.status != "active":
            self._violated(decision, f"is of card {card.card_id}, which is {card.status}")
        purchase = purchase_of(decision)
        whole = payment.held + (known.posted if known else 0)
        for limit in spend_limits(department, purchase, "transaction"):
            if whole > (limit.amount or 0):
                self._exceeds(decision, limit.rule_id, whole, limit.amount or 0)
        for charge in payment.charges:
            allowed = ceiling(department, charge, purchase)
            if allowed is not None:
                used = department.totals(charge).used
                if used > allowed.limit + allowed.tolerance:
                    self._exceeds(decision, charge, used, allowed.limit + allowed.tolerance)

    def _exceeds(self, decision: Decision, what: str, used: int, allowed: int) -> None:
        department = f"{decision.organization_id}/{decision.department_id}"
        self._violated(decision, f"takes {what} of {department} to {used} of {allowed} minor units")

    def _violated(self, decision: Decision, what: str) -> None:
        about = f" ({decision.authorization_id})" if decision.authorization_id else ""
        self._oracle.violated(f"decision {decision.position}{about} {what}")


_NOTHING = Payment()


def _to_hold(decision: Decision, known: Payment | None) -> int:
    """What an approval must hold: what it grants, less what was settled before it was asked."""
    if known is None or decision.event_type == INCREMENTED or not (known.posted or known.settled):
        return decision.granted
    return 0 if known.settled else max(0, (decision.amount or 0) - known.posted)


def purchase_of(decision: Decision) -> Purchase:
    """What rules look at."""
    at_s = seconds(decision.occurred_at or decision.recorded_at)
    score = decision.score
    likely = round(score.value * 1_000_000) if score is not None and score.model == PROBABILITIES else -1
    of = (decision.card_id, decision.cardholder, decision.merchant, decision.entry_mode)
    return Purchase(*of, at_s, likely)
