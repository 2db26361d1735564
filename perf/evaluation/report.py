"""The table, the file of figures, and the pictures where matplotlib is installed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from infra.output import TextTable
from perf.evaluation.data import LabelledRequest
from perf.evaluation.groups import Group
from perf.evaluation.measures import Quality
from streams.scoring.wording import Why


class Highest(msgspec.Struct):
    """One of the highest scores, and why: what raises it most, in words, with the logits of fraud it adds."""

    at: str
    card: str
    merchant: str
    amount_minor: int
    score: float
    fraud: bool
    reasons: list[tuple[str, str, float]]

    @classmethod
    def of(cls, request: LabelledRequest, score: float, why: Iterable[Why]) -> Highest:
        at = datetime.fromtimestamp(request.at_s, UTC).isoformat(timespec="minutes")
        reasons = [(one.feature, one.words, one.moved) for one in why]
        return cls(at, request.card, request.merchant, request.amount, score, request.fraud, reasons)


class Alerts(msgspec.Struct):
    """What a rule flags of the judged requests: which share of them, how many of these are misuse, and of the
    misuse how much, by kind. Shares 0 .. 1."""

    share: float
    precision: float
    recall_by_kind: dict[str, float]

    @classmethod
    def of(cls, requests: Sequence[LabelledRequest], flagged: Sequence[bool]) -> Alerts:
        kinds: dict[str, list[bool]] = defaultdict(list)
        for request, alert in zip(requests, flagged, strict=True):
            if request.fraud:
                kinds[request.kind or "fraud"].append(alert)
        alerts = sum(flagged)
        hits = sum(map(sum, kinds.values()))
        recall = {kind: sum(found) / len(found) for kind, found in sorted(kinds.items())}
        return cls(alerts / len(requests), hits / alerts if alerts else 0.0, recall)


class Evaluation(msgspec.Struct):
    """One stream's figures: the second part of it is judged, the first is for learning and tuning.

    Microseconds are (median, 99th percentile); `card_bytes` (mean, most). `alerts`: of rules beside scores;
    `groups`: who is flagged by the last contender though it is good.
    """

    data: str
    requests: int
    judged: int
    frauds_judged: int
    labels_late_days: int
    noon: bool
    features: int
    features_us: tuple[float, float]
    observe_us: tuple[float, float]
    card_bytes: tuple[int, int]
    contenders: dict[str, Quality]
    alerts: dict[str, Alerts] = {}
    groups: dict[str, Group] = {}
    highest: list[Highest] = []


def table(found: Evaluation) -> TextTable:
    """A row for each contender."""
    rows = TextTable(
        "contender", "AP", "ROC-AUC", "P@0.5%", "R@1%", "cards@100", "ECE", "mean/rate", "µs", left=1
    )
    for name, one in found.contenders.items():
        ece = "" if one.ece is None else f"{one.ece:.4f}"
        mean = "" if one.mean_to_rate is None else f"{one.mean_to_rate:.2f}"
        rows.add(
            name,
            f"{one.average_precision:.3f}",
            f"{one.roc_auc:.3f}",
            f"{one.precision_at_half_percent:.2f}",
            f"{one.recall_at_percent:.2f}",
            f"{one.card_precision_100:.3f}",
            ece,
            mean,
            f"{one.us:.1f}",
        )
    return rows


def kinds(found: Evaluation) -> TextTable:
    """Recall in the highest 1 %, by kind of misuse."""
    names = sorted({kind for one in found.contenders.values() for kind in one.recall_by_kind})
    rows = TextTable("recall at 1 %, by kind", *names, left=1)
    for name, one in found.contenders.items():
        rows.add(name, *(f"{one.recall_by_kind.get(kind, 0.0):.2f}" for kind in names))
    for name, alerts in found.alerts.items():
        which = f"{name}: {alerts.share:.1%} of requests, {alerts.precision:.0%} right"
        rows.add(which, *(f"{alerts.recall_by_kind.get(kind, 0.0):.2f}" for kind in names))
    return rows


def groups(found: Evaluation) -> TextTable:
    """Of good requests, how many are flagged, by what they have in common."""
    rows = TextTable("good requests", "share", "flagged", "to all", left=1)
    for name, one in found.groups.items():
        ratio = one.flagged / found.groups["all"].flagged if found.groups["all"].flagged else 0.0
        rows.add(name, f"{one.share:.3f}", f"{one.flagged:.4f}", f"{ratio:.1f} ×")
    return rows


def explanations(found: Evaluation) -> Iterator[str]:
    """A line for each of the highest scores, and one for each of its reasons."""
    for one in found.highest:
        label = "fraud" if one.fraud else "no fraud"
        amount = f"{one.amount_minor / 100:,.2f}"
        yield f"{one.at} {one.card} {amount} at {one.merchant}: {one.score:.3f} ({label})"
        yield from (f"  +{moved:.2f} {words}" for _, words, moved in one.reasons)


def write(found: Evaluation, target: Path) -> None:
    """Figures as JSON, four digits."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(msgspec.json.format(msgspec.json.encode(as_builtins(found)), indent=2) + b"\n")


def as_builtins(found: Evaluation) -> Any:
    """Plain data, four digits."""
    return _rounded(msgspec.to_builtins(found))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def draw(found: Evaluation, fraud: list[bool], scores: dict[str, list[float]], target: Path) -> Path | None:
    """Precision over recall, and average precision by month; None without matplotlib."""
    if find_spec("matplotlib") is None:
        return None
    import_module("matplotlib").use("Agg")
    plots = import_module("matplotlib.pyplot")
    figure, (left, right) = plots.subplots(1, 2, figsize=(11, 4.2))
    for name, one in scores.items():
        recall, precision = _curve(fraud, one)
        left.plot(recall, precision, label=name, linewidth=1.2)
        by_month = found.contenders[name].average_precision_by_month
        right.plot(list(by_month), list(by_month.values()), marker="o", markersize=3, linewidth=1.2)
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1), title=found.data)
    left.legend(fontsize=7)
    right.set(ylabel="average precision", ylim=(0, 1), title="by month")
    right.tick_params(axis="x", labelrotation=90, labelsize=7)
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)
    plots.close(figure)
    return target


def _curve(fraud: list[bool], scores: list[float]) -> tuple[list[float], list[float]]:
    recall, precision = [], []
    found, frauds = 0, sum(fraud)
    for rank, place in enumerate(sorted(range(len(scores)), key=scores.__getitem__, reverse=True), 1):
        if fraud[place]:
            found += 1
            recall.append(found / frauds)
            precision.append(found / rank)
    return recall, precision
