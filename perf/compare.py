"""Ours and its rivals in one class of durability, taking turns.

Every turn each contestant plays one round, in one order and then in the other, so that what else the
machine does, and what one leaves to the next, meets all of them. A first round of ours is not counted: it
warms the broker, and every contestant warms itself before each of its rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec

from perf import ours
from perf.comparison import BATCHES, FAUST, NO_WORK, REDIS, ROW_LOCKS, Compared
from perf.contestant import Contestant
from perf.harness import Session
from perf.kafka import BenchFailed
from perf.machine import Calibration, calibrate
from perf.rivals import batches, no_work, redis_script, row_locks, stock_faust
from perf.rounds import ROUNDS_MIN, Contest, Durability, Round

WARM_UP_S = 1.0

#: Called after each round with what is known so far.
OnTurn = Callable[[Compared], None]


def compare(
    session: Session, durability: Durability, rivals: Sequence[str], on_turn: OnTurn = lambda _: None
) -> Compared:
    """All turns of a class.

    Raises:
        BenchFailed: our rate fell from start to end, so there is no figure for anybody.
    """
    scale = session.scale
    before = calibrate(session.folder)
    with _contestants(session, rivals) as (everyone, plans):
        taking_part = [one for one in everyone if durability in one.classes]
        rounds: dict[str, list[Round]] = {one.name: [] for one in taking_part}
        session.say(f"{durability}: warming the broker")
        taking_part[0].play(durability, WARM_UP_S)
        for turn in range(1, scale.turns + 1):
            for one in taking_part if turn % 2 else reversed(taking_part):
                session.say(f"{durability}, turn {turn} of {scale.turns}: {one.name}")
                rounds[one.name].append(one.play(durability, scale.round_s))
            on_turn(_compared(durability, taking_part, rounds, before, plans))
    found = _compared(durability, taking_part, rounds, before, plans)
    found = msgspec.structs.replace(found, after=calibrate(session.folder))
    if scale.turns < ROUNDS_MIN:
        return found  # only told: one burst of somebody else's is a fall there
    steady = found.of_the_steady()
    if unsteady := steady.unsteady():
        on_turn(found)
        raise BenchFailed(f"{durability}: not steady, so no figure: {'; '.join(unsteady)}")
    return steady


def _compared(
    durability: Durability,
    taking_part: Sequence[Contestant],
    rounds: dict[str, list[Round]],
    before: Calibration,
    plans: list[str],
) -> Compared:
    contests = [
        Contest(name=one.name, rival=one.rival, rounds=rounds[one.name], conditions=one.conditions)
        for one in taking_part
    ]
    return Compared(durability=durability, contests=contests, before=before, plans=plans)


@contextmanager
def _contestants(session: Session, rivals: Sequence[str]) -> Iterator[tuple[list[Contestant], list[str]]]:
    """Ours and these families, their servers running; and the plans of the row locks' server."""
    plans: list[str] = []
    found = ours.contestants(session)
    with ExitStack() as stack:
        folder = session.rivals_folder()
        if {ROW_LOCKS, BATCHES} & set(rivals):
            database = stack.enter_context(row_locks.server(folder / "postgres"))
            plans = database.plans
            if ROW_LOCKS in rivals:
                found += row_locks.contestants(database, session.scale.clients, folder)
            if BATCHES in rivals:
                found += batches.contestants(database)
        if REDIS in rivals:
            found += redis_script.contestants(stack.enter_context(redis_script.server(folder / "valkey")))
        more: dict[str, Any] = {FAUST: stock_faust, NO_WORK: no_work}
        for name, module in more.items():
            if name in rivals:
                found += module.contestants(session)
        yield found, plans
