"""Stories for a person: each line, what was answered, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from infra.replay import Replay
from infra.stories.expectations import answer
from infra.stories.pipeline import PlayedStory
from infra.stories.story import LedgerLine, PaymentLine
from infra.stories.tokens import ARROW
from infra.verify import Report
from schemas.reasons import ANSWERS, sentence

_TICK = Text("✓", style="green")
_CROSS = Text("✗", style="bold red")


def story(console: Console, played: PlayedStory) -> None:
    """The story's lines; below a line that differs, how."""
    where = " (core only)" if played.story.core_only else ""
    head = Text.assemble("\n", (played.story.name, "bold"), (f"  {played.story.place.file}{where}", "dim"))
    _print(console, head)
    for line, decision in zip(played.story.lines, played.decisions, strict=True):
        asked = line.text.partition(f" {ARROW}")[0].rstrip()
        _line(console, played, line.place.line, f"{asked}  → ", answer(decision))
        if decision.outcome in ANSWERS:
            for reason in decision.reasons:
                _print(console, Text(f"      {sentence(reason)}", style="dim"))
    books: list[LedgerLine | PaymentLine] = [*played.story.ledger, *played.story.payments]
    for book in books:
        _line(console, played, book.place.line, book.text, "")


def _line(console: Console, played: PlayedStory, number: int, asked: str, answered: str) -> None:
    different = played.different.get(number, [])
    mark = _CROSS if different else _TICK
    _print(console, Text.assemble("  ", mark, " ", asked, (answered, "cyan")))
    for found in different:
        _print(console, Text.assemble("      ", (f"line {number}: {found}", "red")))


def summary(console: Console, played: Sequence[PlayedStory], took_s: float) -> None:
    """How many were played, and which differ."""
    wrong = [one for one in played if not one.ok]
    lines = sum(len(one.decisions) for one in played)
    books = sum(len(one.story.ledger) + len(one.story.payments) for one in played)
    console.print()
    for one in wrong:
        _print(console, Text.assemble(_CROSS, f" {one.story.place.file}: {one.story.name}"))
    verdict = f"{len(wrong)} differ" if wrong else "all as told"
    said = f"{len(played):,} stories, {lines:,} events, {books:,} lines about the books: {verdict}"
    said += f", {took_s:.1f} s"
    _print(console, Text(said, style="bold red" if wrong else "bold green"))


def verified(console: Console, report: Report) -> None:
    """What the verifier says about the log and the books."""
    mark = _TICK if report.ok else _CROSS
    _print(
        console, Text.assemble(mark, f" the log and the books agree (verify) {report.decisions:,} decisions")
    )
    for oracle in report.oracles.values():
        for example in oracle.examples:
            _print(console, Text(f"      {oracle.id}: {example}", style="red"))


def replayed(console: Console, found: Replay) -> None:
    """Whether the log comes out the same when it is decided again."""
    mark = _CROSS if found.differences else _TICK
    said = f" the log comes out the same when it is decided again (replay) {found.decided:,} decisions"
    _print(console, Text.assemble(mark, said))
    for one in found.differences:
        _print(console, Text(f"      {one.partition}/{one.seq}: {one.why}", style="red"))


def _print(console: Console, text: Text) -> None:
    # Never wrapped: a line is what somebody may search for.
    console.print(text, soft_wrap=True, highlight=False)
