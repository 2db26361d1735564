"""O13: every question is answered with what the rules give, no more and no less."""

from __future__ import annotations

from infra.verify.alerts import counted, score_counted
from infra.verify.controls import limits_of
from infra.verify.counters import is_counted
from infra.verify.expected import ADVISED, VERIFIED, Before, answer_to, before_of, is_question
from infra.verify.limits import GRANTED, REQUESTED, purchase_of
from infra.verify.report import Report
from infra.verify.state import Department, DepartmentName, Payment
from infra.verify.told import difference
from infra.verify.usage import Usage
from infra.verify.verdicts import Question
from schemas.decisions import Decision
from schemas.events import CardEvent
from schemas.reasons import Outcome


class Rulings:
    """Looks at each decision that took effect: `before` it is folded, and `after`.

    `usages`: what requests have left behind, by department.
    """

    def __init__(self, report: Report) -> None:
        self._oracle = report["O13"]
        self.usages: dict[DepartmentName, Usage] = {}
        self._before = Before()

    def before(self, decision: Decision, known: Payment | None) -> None:
        """`known`: its payment, if its owner knew it."""
        self._before = before_of(decision, known)

    def usage(self, decision: Decision) -> Usage:
        """Of the decision's department."""
        name = (decision.organization_id or "", decision.department_id or "")
        usage = self.usages.get(name)
        if usage is None:
            usage = self.usages[name] = Usage()
        return usage

    def after(self, decision: Decision, department: Department, event: CardEvent | None) -> None:
        """`event`: the one that it answers, None where that cannot be read."""
        usage = self.usage(decision)
        if is_question(decision):
            self._oracle.checked += 1
            purchase = purchase_of(decision)
            asked = Question(
                decision.organization_id or "",
                department.currency,
                purchase,
                decision.amount or 0,
                limits_of(department, purchase),
            )
            # Whether a part may be approved, only the event says; where that is lost, O2 tells of it.
            in_part = decision.outcome is Outcome.PARTIALLY_APPROVED
            in_part = in_part if event is None else getattr(event, "partial_allowed", False)
            wanted = answer_to(decision, self._before, department, usage, asked, in_part=in_part)
            wrong = difference(decision, wanted)
            if wrong is None and decision.policy_version != department.policy_version:
                wrong = f"names policy {decision.policy_version}; {department.policy_version} is in force"
            if wrong is not None:
                about = f" ({decision.authorization_id})" if decision.authorization_id else ""
                self._oracle.violated(f"decision {decision.position}{about} {wrong}")
            _count(decision, department, usage, asked, self._before.rest)
        usage.follow(department)


def _count(
    decision: Decision, department: Department, usage: Usage, asked: Question, rest: int | None
) -> None:
    """What the answer, right or wrong, leaves behind for the next ones. `rest`: as `Before` has it."""
    if decision.event_type in (ADVISED, VERIFIED):
        return
    granted = decision.outcome in GRANTED
    requests = decision.event_type == REQUESTED
    amount = decision.granted if rest is None else rest
    at_s = asked.purchase.at_s
    for rule, subject in asked.limits:
        if not is_counted(rule):
            continue
        if rule.count is None:
            if granted:
                usage.counter(rule, subject).count(at_s, 0, amount)
        elif requests and (granted or rule.counts == "requested"):
            usage.counter(rule, subject).count(at_s, 1, 0)
    score = score_counted(decision, department, at_s, asked.purchase.millionths) if requests else None
    if score is not None:
        usage.scores = counted(usage.scores, score)
    if requests and granted:
        usage.use(department, decision.card_id, decision.merchant)
