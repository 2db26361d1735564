"""`spendlog score backtest`: what thresholds on scores would have done, before one is in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from infra.errors import SpendlogError
from infra.learning.backtest import (
    THRESHOLDS,
    ThresholdEffect,
    effect_of,
    following,
    least_for,
    scored_requests,
)
from infra.output import AsJson, TextTable, print_json
from infra.stack_settings import load_settings
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
        int | None,
        typer.Option(
            min=1, help="Also at most so many a day and department, by the rule itself.", show_default=False
        ),
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
    effects = [effect_of(requests, one) for one in sorted(set(tried), reverse=True)]
    daily = None
    if a_day is not None:
        floor = min(tried) if least else 1
        daily = effect_of(requests, floor, following(requests, a_day, floor))
        effects.append(effect_of(requests, least_for(requests, a_day)))
    if as_json:
        told: dict[str, object] = {
            "requests": len(requests),
            "thresholds": [_as_json(one) for one in effects],
        }
        print_json(told if daily is None else {**told, "a_day": a_day, "following": _as_json(daily)})
    else:
        _show(effects, daily, a_day, len(requests), Console())


def _decisions(logs: Logs) -> Iterator[Decision]:
    for partition in logs.partitions(DECISIONS.name):
        yield from logs.decisions(DECISIONS.name, partition)


def _show(
    effects: list[ThresholdEffect],
    daily: ThresholdEffect | None,
    a_day: int | None,
    requests: int,
    console: Console,
) -> None:
    table = TextTable("from", "least", "alerts", "a day", "fraud among them", "of all fraud", "good stopped")
    rows = [(f"{one.least / 1_000_000:g}", one) for one in effects]
    if daily is not None:
        rows.append((f"{a_day} a day", daily))
    for name, one in rows:
        table.add(
            name,
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
