"""One pass over a stream: features once, each contender's score, and each label when it is due."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from perf.evaluation.contenders import Contender, SeenRequest
from perf.evaluation.data import DAY_S, LabelledRequest
from perf.evaluation.measures import (
    Quality,
    average_precision,
    calibration_error,
    card_precision,
    ranked,
    roc_auc,
)
from streams.scoring.features import NAMES, bins
from streams.scoring.habits.levels import Usual
from streams.scoring.habits.memory import Habits, Observation, observation

MERCHANT, CATEGORY = NAMES.index("merchant_visits"), NAMES.index("category_visits")


class Featured(msgspec.Struct):
    """What contenders see of a stream, and what it cost: CPU us at the median and the 99th percentile."""

    seen: list[SeenRequest]
    features_us: tuple[float, float]
    observe_us: tuple[float, float]
    card_bytes: tuple[int, int]


def featured(requests: Sequence[LabelledRequest], late_days: int, tick: Callable[[], None]) -> Featured:
    """The features of each request, with the labels that are known by then."""
    habits = Habits(Usual())
    seen: list[SeenRequest] = []
    asked: list[Observation] = []
    due = 0
    extract_ns, observe_ns = [], []
    for number, request in enumerate(requests):
        while due < number and asked[due].at_s + late_days * DAY_S <= request.at_s:
            if requests[due].fraud:
                known = seen[due].bins
                habits.label(asked[due], True, not known[MERCHANT], not known[CATEGORY])
            due += 1
        one = observation(request.at_s, request.card, request.merchant, request.mcc, None, request.amount)
        asked.append(one)
        began = time.thread_time_ns()
        found = bins(habits, one)
        middle = time.thread_time_ns()
        habits.observe(one, declined=False)
        observe_ns.append(time.thread_time_ns() - middle)
        extract_ns.append(middle - began)
        seen.append(SeenRequest(request.at_s // DAY_S, request.amount, found))
        tick()
    sizes = sorted(len(msgspec.msgpack.encode(card)) for card in habits.cards.values())
    size = (sum(sizes) // len(sizes), sizes[-1])
    return Featured(seen, _percentiles(extract_ns), _percentiles(observe_ns), size)


def _percentiles(ns: list[int]) -> tuple[float, float]:
    ns.sort()
    return round(ns[len(ns) // 2] / 1e3, 1), round(ns[len(ns) * 99 // 100] / 1e3, 1)


def scores_of(
    contender: Contender,
    requests: Sequence[LabelledRequest],
    seen: Sequence[SeenRequest],
    late_days: int,
    tick: Callable[[], None],
) -> tuple[list[float], float]:
    """Prequential: every request is scored before its label, and labels come `late_days` after it.

    With the median of the CPU microseconds for a score.
    """
    scores: list[float] = []
    took_ns = []
    due = 0
    today = -1
    for number, one in enumerate(seen):
        while due < number and seen[due].day + late_days <= one.day:
            contender.learn(seen[due], requests[due].fraud)
            due += 1
        if one.day != today:
            today = one.day
            contender.day(today)
        began = time.thread_time_ns()
        scores.append(contender.score(one))
        took_ns.append(time.thread_time_ns() - began)
        tick()
    return scores, _percentiles(took_ns)[0]


def judged(
    requests: Sequence[LabelledRequest], scores: Sequence[float], us: float, probability: bool
) -> Quality:
    """Of all that is given."""
    fraud = [request.fraud for request in requests]
    order = ranked(scores)
    frauds = sum(fraud)
    half, percent = order[: max(1, len(order) // 200)], order[: max(1, len(order) // 100)]
    kinds: dict[str, list[bool]] = defaultdict(list)
    top = set(percent)
    months: dict[str, list[int]] = defaultdict(list)
    for place, request in enumerate(requests):
        months[datetime.fromtimestamp(request.at_s, UTC).strftime("%Y-%m")].append(place)
        if request.fraud:
            kinds[request.kind or "fraud"].append(place in top)
    by_month = {
        month: average_precision(
            [fraud[place] for place in places], ranked([scores[place] for place in places])
        )
        for month, places in months.items()
    }
    days = [request.at_s // DAY_S for request in requests]
    quality = Quality(
        average_precision=average_precision(fraud, order),
        roc_auc=roc_auc(fraud, scores),
        precision_at_half_percent=sum(fraud[place] for place in half) / len(half),
        recall_at_percent=sum(fraud[place] for place in percent) / frauds if frauds else 0.0,
        card_precision_100=card_precision(fraud, scores, [request.card for request in requests], days),
        recall_by_kind={kind: sum(hits) / len(hits) for kind, hits in sorted(kinds.items())},
        average_precision_by_month=by_month,
        us=us,
    )
    if probability:
        quality.ece = calibration_error(fraud, scores)
        quality.mean_to_rate = sum(scores) / frauds if frauds else None
    return quality
