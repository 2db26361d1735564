"""What is asked of scores. Ties are broken by a seeded shuffle: equal scores earn what chance gives."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec


class Quality(msgspec.Struct):
    """Of one contender on judged requests. Shares 0 .. 1; `ece` and `mean_to_rate` only for probabilities.

    `average_precision`: the area under precision and recall. `precision_at_half_percent` and
    `recall_at_percent`: of the 0.5 % and the 1 % with the highest scores. `card_precision_100`: of each day's
    100 cards with the highest scores, those with fraud on that day, averaged over days (Handbook, chapter 4).
    `recall_by_kind`: in the highest 1 %. `ece`: expected calibration error over ten bins of equal count.
    `mean_to_rate`: the mean of the score to the share of fraud.
    """

    average_precision: float
    roc_auc: float
    precision_at_half_percent: float
    recall_at_percent: float
    card_precision_100: float
    recall_by_kind: dict[str, float]
    average_precision_by_month: dict[str, float]
    us: float
    ece: float | None = None
    mean_to_rate: float | None = None


def ranked(scores: Sequence[float]) -> list[int]:
    """Places, the highest score first."""
    order = list(range(len(scores)))
    random.Random(0).shuffle(order)
    order.sort(key=scores.__getitem__, reverse=True)
    return order


def highest(scores: Sequence[float]) -> list[bool]:
    """Which are among the highest 1 %: one at least."""
    found = [False] * len(scores)
    for place in ranked(scores)[: max(1, len(scores) // 100)]:
        found[place] = True
    return found


def average_precision(fraud: Sequence[bool], order: Iterable[int]) -> float:
    """The mean of the precision at each fraud; 0 where there is none."""
    found, total = 0, 0.0
    for rank, place in enumerate(order, 1):
        if fraud[place]:
            found += 1
            total += found / rank
    return total / found if found else 0.0


def roc_auc(fraud: Sequence[bool], scores: Sequence[float]) -> float:
    """The chance that a fraud scores above a request that is none; ties count half."""
    by_score: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for bad, score in zip(fraud, scores, strict=True):
        by_score[score][bad] += 1
    below, won = 0, 0.0
    frauds = sum(fraud)
    for score in sorted(by_score):
        others, hits = by_score[score]
        won += hits * (below + others / 2)
        below += others
    return won / (frauds * below) if frauds and below else 0.5


def calibration_error(fraud: Sequence[bool], scores: Sequence[float], bins: int = 10) -> float:
    """Mean distance of score and share of fraud, over bins of equally many requests."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    error = 0.0
    for number in range(bins):
        part = order[number * len(order) // bins : (number + 1) * len(order) // bins]
        error += abs(sum(scores[place] - fraud[place] for place in part))
    return error / len(order)


def card_precision(
    fraud: Sequence[bool], scores: Sequence[float], cards: Sequence[str], days: Sequence[int], top: int = 100
) -> float:
    """Of the `top` cards of each day, the share with fraud on that day; the mean over days."""
    best: dict[int, dict[str, float]] = defaultdict(dict)
    bad: dict[int, set[str]] = defaultdict(set)
    for hit, score, card, day in zip(fraud, scores, cards, days, strict=True):
        best[day][card] = max(score, best[day].get(card, score))
        if hit:
            bad[day].add(card)
    shares = []
    for day, of_card in best.items():
        chosen = sorted(of_card, key=lambda card: (-of_card[card], card))[:top]
        shares.append(sum(card in bad[day] for card in chosen) / top)
    return sum(shares) / len(shares)
