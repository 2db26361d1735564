"""The tables of docs/performance.md, section "Compared", made from a run's results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from infra.errors import SpendlogError
from perf.bench import COMPARED, BenchRun
from perf.comparison import Compared, headline
from perf.results import GOALS, OpenLoop, OpenLoopAt
from perf.rounds import CLASSES, Contest, Durability, spread

BEGIN, END = "<!-- made by `make bench` from perf/results/bench.json -->", "<!-- end of what is made -->"
NOTHING = (
    "No run on a quiet machine has been published since the comparison was made anew; "
    "`make bench` fills this in."
)

Cells = Sequence[str]


def put(page: Path, run: BenchRun) -> None:
    """Writes the section's tables between its two marks.

    Raises:
        SpendlogError: the page does not have the two marks, each once and in order.
    """
    text = page.read_text(encoding="utf-8")
    page.write_text(between(text, BEGIN, END, compared(run), page), encoding="utf-8")


def between(text: str, begin: str, end: str, made: str, page: Path) -> str:
    """The text of `page` with `made` between its two marks.

    Raises:
        SpendlogError: it does not have the two marks, each once and in order.
    """
    before, found, rest = text.partition(begin)
    _, ends, after = rest.partition(end)
    if not found or not ends or begin in after or end in after:
        raise SpendlogError(f"{page} must have the line {begin!r} once, and {end!r} once after it")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"


def compared(run: BenchRun) -> str:
    """Both classes, the ratios that may be claimed, and answers in an open loop; or that there are none."""
    classes = [found for part in COMPARED if isinstance(found := run.results.get(part), Compared)]
    if not classes:
        return NOTHING
    parts = [_conditions(run), "![The same figures, drawn](pictures/bench.svg)", _ratios(classes)]
    parts += [_contests(one) for one in classes]
    loop = run.results.get("open-loop")
    if isinstance(loop, OpenLoop):
        parts.append(_answers(loop.at))
    return "\n\n".join(parts)


def _conditions(run: BenchRun) -> str:
    machine = run.machine
    return lines(
        f"{run.date:%Y-%m-%d}, commit {(run.commit or 'unknown')[:12]}.",
        f"{machine.cores} cores of {machine.cpu}, {machine.memory_gib:g} GiB, {machine.system}.",
        f"{machine.python}; load {machine.load_1m:g} before.",
        "Broker, database, workers and clients share the machine.",
    )


def _ratios(classes: Sequence[Compared]) -> str:
    rows = [
        (
            row.ours,
            row.rival,
            CLASSES[row.durability],
            f"**{row.ratio.low:.2f} ×**",
            f"{row.ratio.middle:.2f} ×",
            _goal(row.ours, row.rival, row.durability),
            row.fastest,
        )
        for one in classes
        for row in headline(one)
    ]
    head = ("ours", "against", "class", "lowest", "median", "asked", "its fastest variant")
    return "What may be claimed is the lowest ratio of all turns.\n\n" + table(head, rows)


def _goal(ours: str, rival: str, durability: Durability) -> str:
    goal = GOALS.get((ours, rival, durability))
    return "" if goal is None else f"≥ {goal:g} ×"


def _contests(one: Compared) -> str:
    rows = [_contest(contest) for contest in one.contests]
    after = one.after or one.before
    head = ("contestant", "decisions/s", "lowest to highest", "µs of processor", "conditions")
    told = lines(
        f"{len(one.contests[0].rounds)} turns; others used {one.others():.0%} of the processors.",
        f"SHA-256 of 64 KiB, before and after: {one.before.hash_us:g} and {after.hash_us:g} µs.",
        f"An append with fdatasync: {one.before.sync_ms:g} and {after.sync_ms:g} ms.",
    )
    left_out = [lines(*one.left_out)] if one.left_out else []
    return "\n\n".join([f"### {CLASSES[one.durability].capitalize()}", told, *left_out, table(head, rows)])


def lines(*sentences: str) -> str:
    """Each on a line of its own: lines of documents are short."""
    return "\n".join(sentences)


def _contest(contest: Contest) -> Cells:
    rates = spread(contest.rates)
    return (
        contest.name,
        f"{rates.middle:,.0f}",
        f"{rates.low:,.0f} to {rates.high:,.0f}",
        f"{contest.cpu_us:.1f}",
        contest.conditions,
    )


def _answers(at: Sequence[OpenLoopAt]) -> str:
    rows = [
        (
            one.side,
            f"{one.rate:,}/s",
            CLASSES[one.durability],
            *(_ms(value) for value in (one.p50_ms, one.p90_ms, one.p99_ms, one.p999_ms, one.max_ms)),
            f"{one.unanswered:,} of {one.requests:,}",
            _ms(one.late_ms),
        )
        for one in sorted(at, key=lambda one: (one.durability != "memory", one.rate, one.side))
    ]
    head = ("side", "rate", "class", "p50", "p90", "p99", "p99.9", "max", "unanswered", "sender late")
    told = "Milliseconds from a request's intended time to its answer, behind the same thin API."
    return "\n\n".join(["### Answers in an open loop", told, table(head, rows)])


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def table(head: Cells, rows: Sequence[Cells]) -> str:
    """In Markdown."""
    written = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in written)
