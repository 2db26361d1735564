"""`spendlog evaluate`: the scores against labelled requests, beside what else one could do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from infra.errors import SpendlogError
from infra.output import AsJson, print_json
from infra.processes.signals import termination_raises
from perf.evaluation import report
from perf.evaluation.contenders import BOOSTED, contenders
from perf.evaluation.data import LabelledRequest, read
from perf.evaluation.explained import Explained
from perf.evaluation.groups import groups_of
from perf.evaluation.measures import highest
from perf.evaluation.run import featured, judged, scores_of
from streams.scoring.duplicates import is_odd_repeat
from streams.scoring.features import NAMES

app = typer.Typer()


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(help="Labelled requests: CSV, CSV.gz or Parquet.")],
    labels_late: Annotated[int, typer.Option(min=0, max=365, help="Days until a label comes.")] = 7,
    noon: Annotated[
        bool, typer.Option("--noon", help="Put every request at noon: for files with invented hours.")
    ] = False,
    judge_from: Annotated[
        float, typer.Option(min=0.0, max=0.95, help="Only what comes after this share is judged.")
    ] = 0.5,
    limit_rows: Annotated[
        int | None, typer.Option(min=100, help="Only the first requests.", show_default=False)
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A contender by its name; may be repeated.", show_default="all"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the figures go, as JSON.", show_default=False)
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Where the picture goes (SVG, PNG).", show_default=False)
    ] = None,
    explain: Annotated[
        int, typer.Option(min=0, max=1_000, help="Show so many of the highest scores, with their reasons.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Score labelled requests as they come, learn when their labels do, and compare.

    Columns: event_time, card, merchant, amount_minor, label (1: fraud), and if there are any department, mcc
    and label_type; or those of the Fraud Detection Handbook. Times without an offset are UTC.
    """
    if not data.is_file():
        raise SpendlogError(f"{data} is no file; give one with labelled requests")
    with termination_raises():
        found = _evaluate(data, labels_late, noon, judge_from, limit_rows, only, plot, explain)
    if out is not None:
        report.write(found, out)
    if as_json:
        print_json(report.as_builtins(found))
        return
    typer.echo(
        f"{found.data}: {found.requests:,} requests, {found.judged:,} judged, "
        f"{found.frauds_judged:,} of them fraud; labels {found.labels_late_days} days late"
    )
    report.table(found).print()
    report.kinds(found).print()
    report.groups(found).print()
    for line in report.explanations(found):
        typer.echo(line)
    typer.echo(
        f"{found.features} features {found.features_us[0]} µs (p99 {found.features_us[1]}), to remember "
        f"{found.observe_us[0]} µs (p99 {found.observe_us[1]}), a card {found.card_bytes[0]} bytes "
        f"(at most {found.card_bytes[1]})"
    )


def _evaluate(
    data: Path,
    late_days: int,
    noon: bool,
    judge_from: float,
    limit: int | None,
    only: list[str] | None,
    plot: Path | None,
    explain: int,
) -> report.Evaluation:
    requests = read(data, noon=noon, limit=limit)
    models = contenders(only)
    if not models:
        raise SpendlogError(f"no contender is called {only}; there are {', '.join(contenders())}")
    start = int(len(requests) * judge_from)
    explained = Explained(start, explain) if explain and BOOSTED in models else None
    if explained is not None:
        models[BOOSTED] = explained
    fraud = [request.fraud for request in requests[start:]]
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("features", total=len(requests))
        seen = featured(requests, late_days, lambda: progress.advance(task))
        qualities, kept = {}, {}
        for name, model in models.items():
            progress.reset(task, description=name, total=len(requests))
            scores, us = scores_of(model, requests, seen.seen, late_days, lambda: progress.advance(task))
            kept[name] = scores[start:]
            qualities[name] = judged(requests[start:], scores[start:], us, model.probability)
    found = report.Evaluation(
        data=data.name,
        requests=len(requests),
        judged=len(fraud),
        frauds_judged=sum(fraud),
        labels_late_days=late_days,
        noon=noon,
        features=len(NAMES),
        features_us=seen.features_us,
        observe_us=seen.observe_us,
        card_bytes=seen.card_bytes,
        contenders=qualities,
    )
    found.alerts = _alerts(requests[start:], [one.bins for one in seen.seen[start:]], kept)
    last = list(kept.values())[-1]
    found.groups = groups_of(requests[start:], seen.seen[start:], highest(last))
    if explained is not None:
        found.highest = [
            report.Highest.of(requests[number], score, why) for score, number, why in explained.highest
        ]
    if plot is not None and report.draw(found, fraud, kept, plot) is None:
        typer.echo("no picture: matplotlib is not installed", err=True)
    return found


def _alerts(
    requests: list[LabelledRequest], bins: list[bytes], scores: dict[str, list[float]]
) -> dict[str, report.Alerts]:
    """Of the rule for exact repeats, and of it beside the highest 1 % of the last contender."""
    repeats = [is_odd_repeat(one) for one in bins]
    name, best = list(scores.items())[-1]
    both = [one or other for one, other in zip(repeats, highest(best), strict=True)]
    return {
        "exact repeats": report.Alerts.of(requests, repeats),
        f"{name}, and exact repeats": report.Alerts.of(requests, both),
    }
