"""All benches in one run, so that their figures may be compared; kept part by part, so it can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from infra.errors import SpendlogError
from perf import controls, decide, end_to_end, latency, open_loop, recovery, stalls
from perf.compare import compare
from perf.comparison import RIVALS, Compared
from perf.growth import run as growth
from perf.harness import Scale, Session, session
from perf.machine import Machine, commit, machine, versions
from perf.results import Figure, Result, rows
from perf.rounds import DURABILITIES, ROUNDS_MIN, Durability

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "perf" / "results" / "bench.json"
GROWTH = RESULTS.with_name("growth.json")
#: What a whole run has come to so far; not published.
UNFINISHED = RESULTS.with_name("bench.unfinished.json")
# Above this others were at work, and what was measured is theirs as well.
LOAD_MAX = 2.0
OTHERS_MAX = 0.1
DRIFT_MAX = 1.15

IN_PROCESS: dict[str, Callable[[Scale], Result]] = {
    "decide": decide.run,
    "controls": controls.run,
    "stalls": stalls.run,
}
ON_A_STACK: dict[str, Callable[[Session], Result]] = {
    "recovery": recovery.run,
    "end-to-end": end_to_end.run,
    "latency": latency.run,
    "open-loop": open_loop.run,
}
COMPARED: dict[str, Durability] = {f"compared-{durability}": durability for durability in DURABILITIES}
#: Only when asked for: a whole run has 15 minutes.
APART: dict[str, Callable[[Session], Result]] = {"growth": growth.run}
#: A whole run: a bench, or one rival and ours beside it.
NAMES = (*IN_PROCESS, *RIVALS, *ON_A_STACK)
#: What may be asked for by name.
ALL_NAMES = (*NAMES, *APART)
#: The order of the parts: `latency` wants warm services.
PARTS = (*IN_PROCESS, *COMPARED, *ON_A_STACK, *APART)


class BenchRun(msgspec.Struct, kw_only=True):
    """One run. `scale`: how much of everything was measured; `table`: the figures against what is asked.

    `trial`: why these figures may not be published; empty when they may.
    """

    date: datetime
    commit: str | None
    machine: Machine
    versions: dict[str, str]
    scale: dict[str, Any]
    results: dict[str, Result]
    table: list[Figure] = []
    trial: list[str] = []

    def done(self, part: str) -> bool:
        """Whether the part is there and whole: a comparison is when the machine was calibrated after it."""
        result = self.results.get(part)
        return result is not None and not (isinstance(result, Compared) and result.after is None)


class BenchWatch(msgspec.Struct, frozen=True):
    """Who looks on. `say(part, what it does now)`; `done(part)`; `keep(run)` after every part and turn."""

    say: Callable[[str, str], None]
    done: Callable[[str], None]
    keep: Callable[[BenchRun], None]


def parts(names: Sequence[str]) -> list[str]:
    """The parts that a run of these names has, in their order."""
    rivals = bool(set(RIVALS) & set(names))
    return [part for part in PARTS if part in names or (rivals and part in COMPARED)]


def new_run(scale: Scale) -> BenchRun:
    return BenchRun(
        date=datetime.now(UTC).replace(microsecond=0),
        commit=commit(REPOSITORY),
        machine=machine(),
        versions=versions(),
        scale=msgspec.json.decode(msgspec.json.encode(scale)),  # as it is read back
        results={},
    )


def resumed(path: Path, scale: Scale) -> BenchRun:
    """The run in `path`, to be gone on with.

    Raises:
        SpendlogError: there is none, or it is of other code or another scale: not one run.
    """
    fresh = new_run(scale)
    try:
        run = msgspec.json.decode(path.read_bytes(), type=BenchRun)
    except FileNotFoundError:
        raise SpendlogError(f"no unfinished run in {path}; start one without --resume") from None
    except msgspec.DecodeError as error:
        raise SpendlogError(f"{path} is not a run of this version: {error}; remove it") from None
    for what, kept, now in (("commit", run.commit, fresh.commit), ("scale", run.scale, fresh.scale)):
        if kept != now:
            raise SpendlogError(
                f"the run in {path} is of another {what} ({kept}, now {now}); start a new one"
            )
    return run


def run(run: BenchRun, scale: Scale, names: Sequence[str], watch: BenchWatch) -> None:
    """Runs all parts of `names` that `run` does not have yet, and puts their results there.

    Raises:
        BenchFailed: what was measured did not do what it must. What was measured before is kept.
    """
    todo = [part for part in parts(names) if not run.done(part)]
    for part in [part for part in todo if part in IN_PROCESS]:
        watch.say(part, "deciding in this process")
        _finished(run, part, IN_PROCESS[part](scale), watch)
    if on_stack := [part for part in todo if part not in IN_PROCESS]:
        current = on_stack[0]
        with session(scale, lambda text: watch.say(current, text)) as running:
            for current in on_stack:
                watch.say(current, "starting")
                measure = ON_A_STACK.get(current) or APART.get(current)
                if measure is not None:
                    result = measure(running)
                else:
                    result = _compared(run, current, running, names, watch)
                _finished(run, current, result, watch)
    run.trial = trial(run)


def _compared(run: BenchRun, part: str, running: Session, names: Sequence[str], watch: BenchWatch) -> Result:
    def on_turn(so_far: Compared) -> None:
        run.results[part] = so_far
        watch.keep(run)

    return compare(running, COMPARED[part], [name for name in RIVALS if name in names], on_turn)


def _finished(run: BenchRun, part: str, result: Result, watch: BenchWatch) -> None:
    run.results[part] = result
    run.table = rows(run.results)
    watch.keep(run)
    watch.done(part)


def trial(run: BenchRun) -> list[str]:
    """Why the figures are only a trial: too few turns, others at work, a machine that changed meanwhile."""
    why: list[str] = []
    if run.machine.load_1m > LOAD_MAX:
        why.append(f"the load was {run.machine.load_1m:g} before it began")
    if run.commit is None or run.commit.endswith("+"):
        why.append("the code is not that of a commit")
    for part, result in run.results.items():
        if not isinstance(result, Compared):
            continue
        turns = min(len(one.rounds) for one in result.contests)
        if turns < ROUNDS_MIN:
            why.append(f"{part}: {turns} turns, and not {ROUNDS_MIN}")
        why += [f"{part}: {unsteady}" for unsteady in result.unsteady()]
        if (others := result.others()) > OTHERS_MAX:
            why.append(f"{part}: others used {others:.0%} of the processors")
        if result.after is not None:
            drift = result.after.hash_us / result.before.hash_us
            if not 1 / DRIFT_MAX <= drift <= DRIFT_MAX:
                why.append(f"{part}: a core took {drift:.2f} times as long afterwards as before")
    return why


def write(run: BenchRun, path: Path) -> None:
    """The run as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n")
    new.replace(path)


def forget_unfinished() -> None:
    with suppress(FileNotFoundError):
        UNFINISHED.unlink()
