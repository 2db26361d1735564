"""What is going on, for a person: live lines on a terminal, elsewhere a plain line for each finished step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

_NAME_WIDTH = 14


class Steps:
    """Steps of the start, several at once. A context manager: inside it the console is its own."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._started_s: dict[str, float] = {}
        columns = (
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._display = Progress(*columns, console=console, disable=not console.is_terminal)

    def __enter__(self) -> Steps:
        self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop()

    def doing(self, name: str, what: str) -> None:
        """`name` is busy with `what`."""
        line = f"{name:<{_NAME_WIDTH}} {what}"
        if name not in self._tasks:
            self._tasks[name] = self._display.add_task(line, total=1)
            self._started_s[name] = time.monotonic()
        self._display.update(self._tasks[name], description=line)

    def done(self, name: str, what: str = "ready") -> None:
        self.doing(name, what)
        self._display.update(self._tasks[name], completed=1)
        if not self._console.is_terminal:
            took_s = time.monotonic() - self._started_s[name]
            self._console.print(
                f"✓ {name:<{_NAME_WIDTH}} {what} [{took_s:.1f} s]", markup=False, highlight=False
            )

    @contextmanager
    def step(self, name: str, what: str, done: str = "ready") -> Iterator[None]:
        self.doing(name, what)
        yield
        self.done(name, done)


@contextmanager
def counting(console: Console, what: str, total: int, unit: str = "decided") -> Iterator[Counting]:
    """A bar up to `total`, with its rate; elsewhere than on a terminal one line at its end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as display:
        bar = Counting(display, display.add_task(what, total=total, rate=""), unit)
        yield bar
    if not console.is_terminal:
        line = f"✓ {what}: {bar.count:,} {unit} in {bar.took_s:.1f} s"
        console.print(line, markup=False, highlight=False)


class Counting:
    """How far a bar is."""

    def __init__(self, display: Progress, task: TaskID, unit: str) -> None:
        self._display = display
        self._task = task
        self._unit = unit
        self._started_s = time.monotonic()
        self.count = 0

    @property
    def took_s(self) -> float:
        return time.monotonic() - self._started_s

    def update(self, count: int, total: int | None = None) -> None:
        self.count = count
        rate = f"{count / max(self.took_s, 1e-6):,.0f} {self._unit}/s"
        self._display.update(self._task, completed=count, total=total, rate=rate)
