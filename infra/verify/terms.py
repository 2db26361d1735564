"""Effects that say what is allowed: budgets, policies, cards, and a department's leases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.verify.calendar import first_day, is_label, label, seconds
from infra.verify.state import SPAN_S, Budget, Delegation, Department, Origin, Request, parts
from schemas.administration import TREASURY
from schemas.decisions import Decision
from schemas.effects import (
    BudgetChanged,
    BudgetIncreaseSet,
    BudgetTakenAway,
    CapChanged,
    CardChanged,
    DelegationGiven,
    DelegationTakenBack,
    DepartmentOpened,
    IncreaseAsked,
    IncreaseClosed,
    IncreaseStep,
    LeaseAdded,
    LeaseAsked,
    LeaseGiven,
    LeaseGivenBack,
    LeaseRecallSent,
    LeaseTaken,
    ModelTaken,
    PaymentLabelled,
    PolicyStored,
    PolicyTaken,
    RequestAsked,
    RequestClosed,
    RequestLapsed,
    RequestStep,
    ShardsSet,
)
from schemas.reasons import DEPARTMENT

INCREASES_KEPT_S: Final = 120 * 86_400


def _span(decision: Decision) -> int:
    return seconds(decision.occurred_at or decision.recorded_at) // SPAN_S


def _origin(decision: Decision) -> Origin:
    return Origin(decision.seq, decision.actor, seconds(decision.occurred_at or decision.recorded_at))


def _change_budget(department: Department, effect: BudgetChanged, decision: Decision) -> None:
    known = department.budgets.get(effect.budget_id)
    department.gone.pop(effect.budget_id, None)
    department.budgets[effect.budget_id] = Budget(
        effect.level,
        effect.subject,
        effect.name,
        effect.limit,
        effect.tolerance,
        effect.calendar,
        increases=known.increases if known else [],
        origin=_origin(decision),
    )
    # A period that is over keeps its own limit.
    current = first_day(label(effect.calendar, department.clock_s))
    for charge, totals in department.periods.items():
        what, period = parts(charge)
        if what == effect.budget_id and is_label(effect.calendar, period) and first_day(period) >= current:
            lent = department.lent.get(period, 0) if what == DEPARTMENT else 0
            totals.limit = None if totals.limit is None else effect.limit - lent


def _take_budget_away(department: Department, effect: BudgetTakenAway, decision: Decision) -> None:
    gone = department.budgets.pop(effect.budget_id, None)
    if gone is not None:
        gone.increases, gone.origin = [], _origin(decision)
        department.gone[effect.budget_id] = gone


def _increase(department: Department, effect: BudgetIncreaseSet, decision: Decision) -> None:
    budget = department.budgets.get(effect.budget_id)
    if budget is not None:
        # What is long over is no longer counted when another one is set.
        over_s = department.clock_s - INCREASES_KEPT_S
        budget.increases = [more for more in budget.increases if more[1] > over_s]
        budget.increases.append((seconds(effect.starts_at), seconds(effect.ends_at), effect.amount))
    department.increases[effect.budget_id, decision.seq] = (
        effect.amount,
        seconds(effect.starts_at),
        seconds(effect.ends_at),
    )


def _ask_increase(department: Department, effect: IncreaseAsked, decision: Decision) -> None:
    starts_s = 0 if effect.starts_at is None else seconds(effect.starts_at)
    department.requests[effect.request_id] = Request(
        effect.budget_id,
        effect.amount,
        effect.asked_by,
        effect.levels,
        (starts_s, seconds(effect.ends_at)),
        effect.reason,
        decision.seq,
        touched=_span(decision),
        lapses_s=0 if effect.lapses_at is None else seconds(effect.lapses_at),
    )
    department.lapsing |= effect.lapses_at is not None


def _ask_approval(department: Department, effect: RequestAsked, decision: Decision) -> None:
    department.requests[effect.request_id] = Request(
        effect.budget.budget_id,
        effect.budget.limit,
        effect.asked_by,
        effect.levels,
        (0, 0),
        effect.reason,
        decision.seq,
        touched=_span(decision),
        lapses_s=seconds(effect.lapses_at),
        budget=effect.budget,
        card=effect.card,
    )
    department.lapsing = True


def _touched(department: Department, request_id: str, decision: Decision) -> Request | None:
    request = department.requests.get(request_id)
    if request is not None:
        request.seq, request.touched = decision.seq, max(request.touched, _span(decision))
    return request


def _step(department: Department, effect: RequestStep, decision: Decision) -> None:
    request = _touched(department, effect.request_id, decision)
    if request is not None:
        answer = (effect.approved_by, effect.on_behalf_of or effect.approved_by)
        request.answers = (*request.answers, answer)


def _close(department: Department, effect: RequestClosed, decision: Decision) -> None:
    request = _touched(department, effect.request_id, decision)
    if request is not None:
        refusal = (effect.refused_by, effect.on_behalf_of or effect.refused_by)
        request.refused_by = (*request.refused_by, refusal)
        request.refusal_reason = effect.reason


def _lapse(department: Department, effect: RequestLapsed, decision: Decision) -> None:
    request = _touched(department, effect.request_id, decision)
    if request is not None:
        request.lapsed = True


def _delegate(department: Department, effect: DelegationGiven, decision: Decision) -> None:
    department.delegations[effect.absent] = Delegation(
        effect.delegate, seconds(effect.starts_at), seconds(effect.until), effect.set_by, decision.seq
    )


def _end_delegation(department: Department, effect: DelegationTakenBack, decision: Decision) -> None:
    known = department.delegations.get(effect.absent)
    if known is not None:
        known.ended_by, known.seq = effect.ended_by, decision.seq


def _store_policy(department: Department, effect: PolicyStored, decision: Decision) -> None:
    department.policies[effect.policy_version] = effect.policy


def _open(department: Department, effect: DepartmentOpened, decision: Decision) -> None:
    if decision.department_id != TREASURY:  # it lends, and has no policy
        department.policies[0] = department.policy = effect.policy


def _take_policy(department: Department, effect: PolicyTaken, decision: Decision) -> None:
    if effect.policy is not None:
        department.policies[effect.policy_version] = effect.policy
    department.policy_version = effect.policy_version
    department.policy = department.policies.get(effect.policy_version, department.policy)


def _change_card(department: Department, effect: CardChanged, decision: Decision) -> None:
    department.cards[effect.card.card_id] = effect.card


def _add_lease(department: Department, effect: LeaseAdded, decision: Decision) -> None:
    if department.cap is None:  # it cannot change
        department.cap, department.lender = effect.calendar, effect.lender
    department.leases[effect.period] = department.leases.get(effect.period, 0) + effect.amount
    if effect.amount:
        department.asked.discard(effect.period)


def _give_lease_back(department: Department, effect: LeaseGivenBack, decision: Decision) -> None:
    department.leases[effect.period] = department.leases.get(effect.period, 0) - effect.amount


def _ask(department: Department, effect: LeaseAsked, decision: Decision) -> None:
    department.leases.setdefault(effect.period, 0)
    department.asked.add(effect.period)


def _label(department: Department, effect: PaymentLabelled, decision: Decision) -> None:
    """No rule asks for it. That it is the event's own is told by `infra.verify.moves`.

    A case is decided by whoever looks into it, and by what others say unless they contradict what was found.
    """
    payment = department.payments.get(effect.authorization_id)
    if payment is None:
        return
    known = payment.label in ("fraud", "legitimate")
    if payment.case is None:
        pass
    elif effect.source == "review" or (not known and effect.label != "unsure"):
        payment.case = "decided"
    elif known and effect.label != payment.label:
        payment.case = "open"
    payment.label = effect.label


def _take_model(department: Department, effect: ModelTaken, decision: Decision) -> None:
    """No rule asks for it, either."""


def _lend(department: Department, effect: LeaseGiven | LeaseTaken, decision: Decision) -> None:
    """A department that is split has so much less of its own budget, or again; a treasury has none."""
    amount = effect.amount if isinstance(effect, LeaseGiven) else -effect.amount
    for charge in effect.charges:
        totals, (_, period) = department.counted(charge), parts(charge)
        totals.limit = (totals.limit or 0) - amount
        department.lent[period] = department.lent.get(period, 0) + amount


def _of_the_treasury(department: Department, effect: object, decision: Decision) -> None:
    """`infra.verify.leases` looks at these, over all partitions."""


TERMS: Final[Mapping[type, Callable[[Department, Any, Decision], None]]] = {
    BudgetChanged: _change_budget,
    BudgetTakenAway: _take_budget_away,
    BudgetIncreaseSet: _increase,
    IncreaseAsked: _ask_increase,
    IncreaseStep: _step,
    IncreaseClosed: _close,
    RequestAsked: _ask_approval,
    RequestStep: _step,
    RequestClosed: _close,
    RequestLapsed: _lapse,
    DelegationGiven: _delegate,
    DelegationTakenBack: _end_delegation,
    DepartmentOpened: _open,
    PolicyStored: _store_policy,
    PolicyTaken: _take_policy,
    CardChanged: _change_card,
    LeaseAdded: _add_lease,
    LeaseGivenBack: _give_lease_back,
    LeaseAsked: _ask,
    PaymentLabelled: _label,
    ModelTaken: _take_model,
    CapChanged: _of_the_treasury,
    ShardsSet: _of_the_treasury,
    LeaseGiven: _lend,
    LeaseRecallSent: _of_the_treasury,
    LeaseTaken: _lend,
}
