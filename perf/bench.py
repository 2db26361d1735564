"""All benches in one run, so that their figures may be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from perf import controls, decide, end_to_end, hot_department, latency, recovery, row_locks
from perf.harness import Scale, Session, session
from perf.machine import Machine, commit, machine, versions
from perf.results import Figure, Result, rows

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "perf" / "results" / "bench.json"

# The order matters: `recovery` reads the log that `hot-department` wrote, `latency` wants warm services.
ON_A_STACK: dict[str, Callable[[Session], Result]] = {
    "hot-department": hot_department.run,
    "row-locks": row_locks.run,
    "recovery": recovery.run,
    "end-to-end": end_to_end.run,
    "latency": latency.run,
}
IN_PROCESS: dict[str, Callable[[Scale], Result]] = {"decide": decide.run, "controls": controls.run}
NAMES = (*IN_PROCESS, *ON_A_STACK)


class BenchRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `scale`: how much of everything was measured; `table`: the figures against what is asked."""

    date: datetime
    commit: str | None
    machine: Machine
    versions: dict[str, str]
    scale: dict[str, Any]
    results: dict[str, Result]
    table: list[Figure]


def run(
    scale: Scale, names: Sequence[str], say: Callable[[str, str], None], on_result: Callable[[str], None]
) -> BenchRun:
    """Runs the benches called `names`. `say(bench, what it does now)`; `on_result(bench)` when it is done."""
    before, date = machine(), datetime.now(UTC).replace(microsecond=0)
    results: dict[str, Result] = {}
    for name in (name for name in IN_PROCESS if name in names):
        say(name, "deciding in this process")
        results[name] = IN_PROCESS[name](scale)
        on_result(name)
    wanted = [name for name in ON_A_STACK if name in names]
    if wanted:
        _on_a_stack(scale, wanted, results, say, on_result)
    return BenchRun(
        date=date,
        commit=commit(REPOSITORY),
        machine=before,
        versions=versions(),
        scale=msgspec.to_builtins(scale),
        results=results,
        table=rows(results),
    )


def _on_a_stack(
    scale: Scale,
    names: Sequence[str],
    results: dict[str, Result],
    say: Callable[[str, str], None],
    on_result: Callable[[str], None],
) -> None:
    current = names[0]
    with session(scale, lambda text: say(current, text)) as running:
        for name in names:
            current = name
            say(name, "starting")
            results[name] = ON_A_STACK[name](running)
            on_result(name)


def write(report: BenchRun, path: Path) -> None:
    """The report as JSON, for the next run to be compared with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
