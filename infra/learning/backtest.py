"""What a threshold on scores would have done: on the requests of the log, by what they turned out to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.controls import ScoreLimit
from schemas.decisions import Decision
from schemas.effects import PaymentLabelled
from schemas.event import Label
from schemas.reasons import ANSWERS
from streams.core.calendar import epoch_s
from streams.core.matching import Purchase
from streams.core.rules.alert_budget import AlertBudget, day_of
from streams.core.score_levels import ScoreLevels, level_of
from streams.core.state import Department

DAY_S = 86_400
#: Probabilities in millionths that are tried where nobody names others.
THRESHOLDS = (500_000, 200_000, 100_000, 50_000, 20_000, 10_000)


class ScoredRequest(NamedTuple):
    """A request with a probability of fraud in millionths. `fraud`: as far as it is known.

    `amount`: minor units of `currency`; `department`: whose.
    """

    at_s: int
    millionths: int
    amount: int
    currency: str
    fraud: bool
    department: str = ""


class ThresholdEffect(NamedTuple):
    """Of declining, or looking at, all from `least` millionths on.

    `alerts`: how many; `a_day`: on average. `caught` of all `frauds`; `good`: others among the alerts.
    `saved`, `lost`: minor units of fraud and of other requests among them, by currency.
    """

    least: int
    alerts: int
    a_day: float
    caught: int
    frauds: int
    good: int
    saved: dict[str, int]
    lost: dict[str, int]

    @property
    def precision(self) -> float | None:
        return self.caught / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        return self.caught / self.frauds if self.frauds else None


def scored_requests(
    decisions: Iterable[Decision], organization_id: str, department_id: str | None = None
) -> list[ScoredRequest]:
    """Those of an organization, or of one department, that a published model scored, in the order of the log.

    What nobody has labelled is taken for good.
    """
    found: dict[tuple[str | None, str | None], ScoredRequest] = {}
    for decision in decisions:
        if decision.organization_id != organization_id or decision.duplicate_of is not None:
            continue
        if department_id is not None and decision.department_id != department_id:
            continue
        score = decision.score
        if score is not None and score.millionths >= 0 and decision.outcome in ANSWERS:
            assert decision.occurred_at and decision.amount and decision.currency
            found[decision.department_id, decision.authorization_id] = ScoredRequest(
                epoch_s(decision.occurred_at),
                score.millionths,
                decision.amount,
                decision.currency,
                False,
                decision.department_id or "",
            )
        for effect in decision.effects:
            if isinstance(effect, PaymentLabelled):
                _label(found, (decision.department_id, effect.authorization_id), effect.label)
    return list(found.values())


def _label(
    found: dict[tuple[str | None, str | None], ScoredRequest], name: tuple[str | None, str], label: Label
) -> None:
    request = found.get(name)
    if request is not None:
        found[name] = request._replace(fraud=label == "fraud")


def days_of(requests: Sequence[ScoredRequest]) -> int:
    """How many days they span, at least one."""
    days = {request.at_s // DAY_S for request in requests}
    return max(days) - min(days) + 1 if days else 1


def least_for(requests: Sequence[ScoredRequest], a_day: float) -> int:
    """The lowest threshold with which there would have been at most so many alerts a day, on average."""
    allowed = int(a_day * days_of(requests))
    scores = sorted((request.millionths for request in requests), reverse=True)
    return 1 if len(scores) <= allowed else scores[allowed] + 1


def following(requests: Sequence[ScoredRequest], a_day: int, least: int = 1) -> list[ScoredRequest]:
    """The alerts of a rule with at most `a_day` a day in each department, by the days before.

    By the rule itself, in the order of `requests`; days are those of UTC.
    """
    rule = ScoreLimit(rule_id="backtest", least=least, a_day=a_day)
    departments: dict[str, tuple[Department, AlertBudget]] = {}
    found = []
    for request in requests:
        if request.department not in departments:
            department = Department("", request.department, request.currency, 0)
            departments[request.department] = department, AlertBudget(rule, "UTC")
        department, budget = departments[request.department]
        purchase = Purchase(request.at_s, None, None, request.millionths)
        spoken = request.millionths >= least and budget.speaks(department, purchase)
        day = day_of(request.at_s, "UTC")
        department.scores = (department.scores or ScoreLevels(day)).on(day)
        department.scores.add(level_of(request.millionths), (rule.rule_id,) if spoken else ())
        if spoken:
            found.append(request)
    return found


def effect_of(
    requests: Sequence[ScoredRequest], least: int, alerts: Sequence[ScoredRequest] | None = None
) -> ThresholdEffect:
    """What that threshold would have done; or these `alerts`, from `least` on."""
    if alerts is None:
        alerts = [request for request in requests if request.millionths >= least]
    caught = sum(request.fraud for request in alerts)
    saved, lost = dict[str, int](), dict[str, int]()
    for request in alerts:
        side = saved if request.fraud else lost
        side[request.currency] = side.get(request.currency, 0) + request.amount
    return ThresholdEffect(
        least,
        len(alerts),
        len(alerts) / days_of(requests),
        caught,
        sum(request.fraud for request in requests),
        len(alerts) - caught,
        saved,
        lost,
    )
