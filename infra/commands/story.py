"""`spendlog story`: what a finance person wrote down, played through everything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.output import AsJson, print_json
from infra.processes.signals import termination_raises
from infra.stories import FILES, read_stories
from infra.stories.pipeline import PlayedStory
from infra.stories.run import StoryOptions, run

app = typer.Typer()

# Where nothing says how wide the output is, a line must not be cut to 80 columns.
_WIDTH = 200


@app.command()
def story(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Story files, or folders of *.txt.", show_default="those that come along"),
    ] = None,
    core: Annotated[
        bool, typer.Option("--core", help="In the pure core alone: no services, a second instead of many.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the data folder as it is; else it is emptied first.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder.", show_default="that of the stack, with -story"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play stories through Kafka, the worker, the sinks and PostgreSQL. Status 1 when anything differs."""
    stories = read_stories(files or [FILES])  # a wrong file is told before anything starts
    console = Console(stderr=as_json, width=None if sys.stdout.isatty() else _WIDTH)
    with termination_raises():
        holds, played = run(stories, StoryOptions(core=core, keep=keep, data=data), console)
    if as_json:
        print_json({"ok": holds, "stories": [_as_json(one) for one in played]})
    raise typer.Exit(0 if holds else 1)


def _as_json(played: PlayedStory) -> dict[str, object]:
    return {
        "name": played.story.name,
        "file": str(played.story.place.file),
        "ok": played.ok,
        "events": len(played.decisions),
        "differences": [
            {"line": line, "what": what} for line, found in played.different.items() for what in found
        ],
    }
