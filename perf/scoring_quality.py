"""How good and how fast are the scores: `python -m perf.scoring_quality [--data FOLDER]`.

Every candidate sees the same features and works prequentially: score, then learn, without labels. Labels
only judge: average precision, and the recall of the 1 % with the highest scores, after a warm-up. Needs
pyarrow and the two labelled files; says so and ends with status 0 where they are not there.

The features and constants of tail-surprise were chosen with these same files in view, those of the others
were not tuned: read its figures as a little too good.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import track
from rich.table import Table
from river import anomaly, compose, preprocessing

from schemas.decisions import Decision
from schemas.events import AuthorizationRequested, Merchant
from schemas.money import PositiveMoney
from schemas.reasons import Outcome
from streams.core.history import CardHistory, observe
from streams.scoring import MODEL, VERSION, Scorer
from streams.scoring.features import Baseline, extract
from streams.scoring.surprise import BINS, Seen, TailSurprise, TotalSurprise

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "perf" / "results" / "scoring_quality.json"
HANDBOOK = "labelled-handbook-first-300k.parquet"
BIRMINGHAM = "labelled-birmingham-injected-2017-2019.parquet"
ALERTS = 0.01
WARM_UP = timedelta(weeks=4)


class Request(NamedTuple):
    """One labelled request; `odd` is for judging only."""

    at: datetime
    department: str
    card: str
    merchant: str
    amount: int
    odd: bool  # or 0 and 1


class Stream(NamedTuple):
    """Requests in order of time; only those from `judged_from` on are judged."""

    name: str
    requests: list[Request]
    judged_from: int


class Model(NamedTuple):
    """A candidate: `score` of features (higher is odder), then `learn` from them."""

    score: Callable[[Seen], float]
    learn: Callable[[Seen], None]


def main(
    data: Annotated[
        Path, typer.Option(envvar="SPENDLOG_DATA", help="Folder with the labelled parquet files.")
    ] = REPOSITORY.parent / "shared" / "data",
    output: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = RESULTS,
) -> None:
    """Compare the detectors on labelled requests and measure the scorer's cost."""
    console = Console()
    if importlib.util.find_spec("pyarrow") is None:
        console.print("skipped: pyarrow is not installed (it is no dependency; pip install pyarrow)")
        return
    missing = [name for name in (HANDBOOK, BIRMINGHAM) if not (data / name).is_file()]
    if missing:
        console.print(f"skipped: {', '.join(missing)} not in {data} (--data or SPENDLOG_DATA)")
        return
    streams = [handbook(data / HANDBOOK), birmingham(data / BIRMINGHAM)]
    quality = compare(streams)
    found = {
        "model": MODEL,
        "version": VERSION,
        "quality": quality,
        "cost_us": cost(streams[1]),
        "flags": flags(streams),
    }
    console.print(quality_table(quality, [stream.name for stream in streams]))
    console.print("us a request, snapshot in us and bytes:", found["cost_us"])
    console.print("what it flags of what was judged:", found["flags"])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


# -- the labelled data


def _columns(path: Path, *names: str) -> list[list[Any]]:
    # By name: no dependency of this project, so a type checker need not find it.
    table = importlib.import_module("pyarrow.parquet").read_table(path, columns=list(names))
    return [table[name].to_pylist() for name in names]


def handbook(path: Path) -> Stream:
    """Simulated card payments, judged after four weeks. A terminal is a merchant; there is one department."""
    names = ("TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT_MINOR", "TX_FRAUD")
    requests = [
        Request(at.replace(tzinfo=UTC), "all", str(card), str(terminal), amount, bool(odd))
        for at, card, terminal, amount, odd in zip(*_columns(path, *names), strict=True)
        if amount > 0
    ]
    requests.sort(key=lambda request: request.at)
    start = requests[0].at + WARM_UP
    return Stream("handbook", requests, sum(request.at < start for request in requests))


def birmingham(path: Path) -> Stream:
    """Real purchases with injected misuse, the last half judged.

    Every request is put at noon of its day: the hours are invented, those of the injected ones otherwise, so
    that a model could tell them apart by what no real stream has.
    """
    names = ("event_time", "department", "card", "merchant", "amount_minor", "label")
    rows = sorted(
        (row for row in zip(*_columns(path, *names), strict=True) if row[4] > 0), key=lambda row: row[0]
    )
    requests = [
        Request(at.replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=UTC), *rest)
        for at, *rest in rows
    ]
    return Stream("birmingham", requests, len(requests) // 2)


def featured(stream: Stream) -> list[Seen]:
    """The features of every request, as the decision path would have them."""
    cards: dict[str, CardHistory] = {}
    baselines: dict[str, Baseline] = {}
    found = []
    for request in stream.requests:
        history = cards.setdefault(request.card, CardHistory())
        baseline = baselines.setdefault(request.department, Baseline())
        found.append(extract(history, baseline, request.at, request.amount, request.merchant))
        baseline.observe(request.amount)
        observe(history, request.at, request.amount, request.merchant)
    return found


# -- the candidates


def candidates() -> dict[str, Callable[[], Model]]:
    """Name -> a fresh model."""
    return {
        "amount for the card alone": lambda: Model(lambda x: float(x["amount_for_card"]), lambda _: None),
        "GaussianScorer of that": _gaussian,
        "StandardScaler | OneClassSVM": lambda: _river(
            preprocessing.StandardScaler() | anomaly.OneClassSVM(nu=0.1)
        ),
        "HalfSpaceTrees 10 x 6": lambda: _river(_unit() | anomaly.HalfSpaceTrees(10, 6, seed=42)),
        "HalfSpaceTrees 25 x 8": lambda: _river(_unit() | anomaly.HalfSpaceTrees(25, 8, seed=42)),
        "LODA 10 cuts": lambda: _river(anomaly.LODA(n_random_cuts=10, seed=42)),
        "TailSurprise | HalfSpaceTrees 10 x 6": lambda: _river(
            TailSurprise() | anomaly.HalfSpaceTrees(10, 6, limits=dict.fromkeys(BINS, (0.0, 8.0)), seed=42)
        ),
        "TailSurprise | TotalSurprise": lambda: _river(TailSurprise() | TotalSurprise()),
    }


def _river(pipeline: Any) -> Model:
    return Model(pipeline.score_one, pipeline.learn_one)


def _gaussian() -> Model:
    """One-sided: what is below the mean is not odd, and River's scorer does not tell the sides apart."""
    scorer: Any = anomaly.GaussianScorer()  # type: ignore[no-untyped-call]

    def score(x: Seen) -> float:
        return float(scorer.score_one(None, x["amount_for_card"])) if x["amount_for_card"] > 0 else 0.0

    return Model(score, lambda x: scorer.learn_one(None, x["amount_for_card"]))


def _unit() -> compose.FuncTransformer:
    """Features clipped into 0..1 over the range of their bins, as half-space trees need them."""
    ranges = [(name, bins.low, bins.width * bins.count) for name, bins in BINS.items()]

    def clip(x: Seen) -> Seen:
        return {name: min(1.0, max(0.0, (x[name] - low) / width)) for name, low, width in ranges}

    return compose.FuncTransformer(clip)


def compare(streams: list[Stream]) -> dict[str, dict[str, float]]:
    """Quality of each candidate on each stream, and its us a request for score and learn together."""
    seen = {stream.name: featured(stream) for stream in streams}
    results: dict[str, dict[str, float]] = {}
    for name, make in track(candidates().items(), "comparing"):
        row: dict[str, float] = {}
        for stream in streams:
            model = make()
            scores = []
            began = time.perf_counter()
            for features in seen[stream.name]:
                scores.append(model.score(features))
                model.learn(features)
            row["us"] = round((time.perf_counter() - began) / len(scores) * 1e6, 2)
            odd = [request.odd for request in stream.requests[stream.judged_from :]]
            precision, recall = judged(odd, scores[stream.judged_from :])
            row[f"{stream.name}_ap"], row[f"{stream.name}_recall"] = round(precision, 3), round(recall, 3)
        results[name] = row
    return results


def judged(odd: list[bool], scores: list[float]) -> tuple[float, float]:
    """Average precision, and recall among the ALERTS share with the highest scores; ties in seeded order."""
    order = list(range(len(scores)))
    random.Random(0).shuffle(order)
    order.sort(key=scores.__getitem__, reverse=True)
    hits = [odd[place] for place in order]
    found, precision = 0, 0.0
    for rank, hit in enumerate(hits, 1):
        if hit:
            found += 1
            precision += found / rank
    return precision / found, sum(hits[: int(len(hits) * ALERTS)]) / found


# -- the scorer as the owner uses it


def decided(stream: Stream) -> Iterator[tuple[AuthorizationRequested, Decision]]:
    """Requests as events, each with its decision but for the score."""
    for place, request in enumerate(stream.requests):
        # Kafka keys have no spaces; the file's department names have.
        department = request.department.replace(" ", "-")
        merchant = Merchant(request.merchant)
        event = AuthorizationRequested(
            event_id=str(place),
            organization_id="measured",
            department_id=department,
            occurred_at=request.at,
            authorization_id=str(place),
            card_id=request.card,
            amount=PositiveMoney(request.amount, "GBP"),
            merchant=merchant,
        )
        decision = Decision(
            partition=0,
            seq=place,
            source_offset=place,
            recorded_at=request.at,
            outcome=Outcome.APPROVED,
            event_type="authorization.requested",
            organization_id="measured",
            department_id=department,
            card_id=request.card,
            merchant=merchant,
            occurred_at=request.at,
            amount=event.amount.minor,
        )
        yield event, decision


def cost(stream: Stream, requests_max: int = 60_000) -> dict[str, float]:
    """us a request of each step, timed in a second pass over one stream with learned histories."""
    scorer, cards = Scorer(), {request.card: CardHistory() for request in stream.requests}
    pairs = list(decided(stream))[:requests_max]
    live: list[tuple[CardHistory, AuthorizationRequested, Decision]] = []
    for event, decision in pairs:
        history = cards[event.card_id]
        scored = replace(decision, score=scorer.score(history, event))
        scorer.learn(history, scored)
        observe(history, event.occurred_at, event.amount.minor, event.merchant.name)
        live.append((history, event, scored))
    baseline = Baseline(1, 8.0, 1.0)
    flagged = [scorer._features] * 1_000

    def score_and_learn(row: tuple[CardHistory, AuthorizationRequested, Decision]) -> None:
        scorer.score(row[0], row[1])
        scorer.learn(row[0], row[2])

    def whole(row: tuple[CardHistory, AuthorizationRequested, Decision]) -> None:
        score_and_learn(row)
        observe(row[0], row[1].occurred_at, row[1].amount.minor, row[1].merchant.name)

    empty = _us(live, lambda row: None)
    steps: dict[str, Callable[[Any], object]] = {
        "features": lambda r: extract(
            r[0], baseline, r[1].occurred_at, r[1].amount.minor, r[1].merchant.name
        ),
        "score with features": lambda r: scorer.score(r[0], r[1]),
        "score and learn": score_and_learn,
        "learn again, as in recovery": lambda r: scorer.learn(r[0], r[2]),
        "observe": lambda r: observe(r[0], r[1].occurred_at, r[1].amount.minor, r[1].merchant.name),
        "score, learn and observe": whole,
    }
    found = {name: round(_us(live, step) - empty, 2) for name, step in steps.items()}
    found["reasons, of a flagged one"] = round(_us(flagged, scorer._reasons), 2)
    found["snapshot"] = round(_us([None] * 50, lambda _: scorer.snapshot()), 0)
    found["snapshot_bytes"] = len(scorer.snapshot())
    return found


def _us(rows: list[Any], step: Callable[[Any], object]) -> float:
    """The best of three passes: others use the machine too."""
    best = math.inf
    for _ in range(3):
        began = time.perf_counter()
        for row in rows:
            step(row)
        best = min(best, time.perf_counter() - began)
    return best / len(rows) * 1e6


def flags(streams: list[Stream]) -> dict[str, dict[str, float]]:
    """Share flagged, precision and recall of the flags after the warm-up, by the scorer's own threshold."""
    found = {}
    for stream in streams:
        scorer, cards = Scorer(), {request.card: CardHistory() for request in stream.requests}
        flagged = hits = 0
        for place, (event, decision) in enumerate(decided(stream)):
            history = cards[event.card_id]
            score = scorer.score(history, event)
            scorer.learn(history, replace(decision, score=score))
            observe(history, event.occurred_at, event.amount.minor, event.merchant.name)
            if place >= stream.judged_from and score is not None and score.flagged:
                flagged += 1
                hits += stream.requests[place].odd
        odd = sum(request.odd for request in stream.requests[stream.judged_from :])
        found[stream.name] = {
            "share": round(flagged / (len(stream.requests) - stream.judged_from), 4),
            "precision": round(hits / max(1, flagged), 3),
            "recall": round(hits / odd, 3),
            "card_bytes": round(sum(len(_json(card)) for card in cards.values()) / len(cards)),
            "failures": scorer.failed,
        }
    return found


def _json(card: CardHistory) -> bytes:
    return msgspec.json.encode(card)


def quality_table(quality: dict[str, dict[str, float]], streams: list[str]) -> Table:
    """One row for each candidate."""
    table = Table(title=f"average precision (recall at {ALERTS:.0%} alerts)")
    table.add_column("candidate")
    for name in [*streams, "us, score + learn"]:
        table.add_column(name, justify="right")
    for name, row in quality.items():
        cells = [f"{row[f'{stream}_ap']:.3f} ({row[f'{stream}_recall']:.2f})" for stream in streams]
        table.add_row(name, *cells, f"{row['us']:.1f}")
    return table


if __name__ == "__main__":
    typer.run(main)
