"""`spendlog score backtest`: what thresholds on scores would have done, before one is in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from infra.errors import SpendlogError
from infra.learning.backtest import THRESHOLDS, ThresholdEffect, effect_of, least_for, scored_requests
from infra.output import AsJson, TextTable, print_json
from infra.settings import load_settings
from infra.verify.sources import Logs
from schemas.decisions import Decision
from schemas.settings import SettingError
from schemas.topics import DECISIONS

app = typer.Typer(no_args_is_help=True)


@app.callback()
def score() -> None:
    """What scores would do."""


@app.command()
def backtest(
    organization: Annotated[str, typer.Option(help="Whose requests.", show_default=False)],
    department: Annotated[str | None, typer.Option(help="Only this one's.", show_default="all")] = None,
    least: Annotated[
        list[float] | None,
        typer.Option(min=0.000001, max=1.0, help="A probability to try; repeat it.", show_default="six"),
    ] = None,
    a_day: Annotated[
        float | None,
        typer.Option(min=0.01, help="Also the one with at most so many alerts a day.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what `score_limit` rules would have caught and stopped; reads Kafka alone, changes nothing.

    On the requests that a published model scored, each judged by the score that it had before its label was
    known. What nobody labelled is taken for good.
    """
    settings = load_settings()
    if settings.kafka is None:
        raise SettingError(
            "setting SPENDLOG_KAFKA is missing; `spendlog stack status --json` shows the embedded one"
        )
    logs = Logs(settings.kafka)
    try:
        requests = scored_requests(_decisions(logs), organization, department)
    finally:
        logs.close()
    if not requests:
        where = organization if department is None else f"{organization}/{department}"
        raise SpendlogError(f"no request of {where} was scored by a model; `spendlog learn` makes one")
    tried = [round(one * 1_000_000) for one in least or ()] or list(THRESHOLDS)
    if a_day is not None:
        tried.append(least_for(requests, a_day))
    effects = [effect_of(requests, one) for one in sorted(set(tried), reverse=True)]
    if as_json:
        print_json({"requests": len(requests), "thresholds": [_as_json(one) for one in effects]})
    else:
        _show(effects, len(requests), Console())


def _decisions(logs: Logs) -> Iterator[Decision]:
    for partition in logs.partitions(DECISIONS.name):
        yield from logs.decisions(DECISIONS.name, partition)


def _show(effects: list[ThresholdEffect], requests: int, console: Console) -> None:
    table = TextTable("from", "least", "alerts", "a day", "fraud among them", "of all fraud", "good stopped")
    for one in effects:
        table.add(
            f"{one.least / 1_000_000:g}",
            f"{one.least:,}",
            f"{one.alerts:,}",
            f"{one.a_day:.1f}",
            _percent(one.precision),
            _percent(one.recall),
            f"{one.good:,}",
        )
    table.print(console)
    frauds = effects[0].frauds
    console.print(
        f"{requests:,} requests, {frauds:,} of them labelled as fraud", style="dim", highlight=False
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _as_json(one: ThresholdEffect) -> dict[str, object]:
    return {**one._asdict(), "precision": one.precision, "recall": one.recall}
