"""Owners at the same time, on one log that stops none of them: whatever happens, readers agree on what
counts.

Each safeguard of the design is taken away in turn, and the same schedules must then go wrong: else they would
show nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from schemas.chain import Chain, NotNext
from schemas.claims import Claim, Stamp, claim_in, stamp_in
from streams import owned_log as owned_log_module
from streams.log import Fenced, InvariantBroken
from streams.owned_log import OwnedLog
from streams.owner import Owner
from tests.simulation.histories import history
from tests.simulation.oracles import check
from tests.simulation.world import Cluster, Crash, Steps, run_owner

LENGTH = 24
OWNERS = 4
SCHEDULES = 150
FOUND_WITHIN = 400
# What a safeguard's absence is found by; anything else would be a fault of the simulation itself.
WRONG = (AssertionError, NotNext, InvariantBroken)


class Chance(Steps):
    """Stalls for a while, or crashes, at any step; requests take their time."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(late=lambda: rng.choice((0, 0, 0, 2, 10, 60)))
        self._rng = rng

    async def step(self, name: str) -> None:
        for _ in range(self._rng.choice((1, 1, 1, 2, 5)) if self._rng.random() > 0.03 else 150):
            await asyncio.sleep(0)
        if self._rng.random() < 0.01:
            raise Crash(name)


async def live(cluster: Cluster, rng: random.Random) -> None:
    """One process after the other, until one has decided everything."""
    while True:
        try:
            await run_owner(cluster, Chance(rng), rng.randint(1, 6), rng.randint(0, 5))
            return
        except Crash:
            pass
        except Fenced:
            if rng.random() < 0.5:
                return  # somebody else has it


def schedule(seed: int) -> Cluster:
    """Several owners at once, and then what must hold. Raises what is found."""
    rng = random.Random(seed)
    cluster = Cluster(history(seed % 8, LENGTH))

    async def together() -> None:
        await asyncio.gather(*(live(cluster, rng) for _ in range(OWNERS)))

    asyncio.run(asyncio.wait_for(together(), 60.0))
    cluster.settle()
    asyncio.run(run_owner(cluster, Steps(), 4))
    check(cluster)
    return cluster


def test_readers_agree_whatever_happens() -> None:
    void = ties = marks = displaced = 0
    for seed in range(SCHEDULES):
        cluster = schedule(seed)
        chain, counted = cluster.counted()
        void += chain.void
        records = cluster.records
        stamps = [(record.offset, stamp_in(record.stamp)) for record in records]
        displaced += sum(stamp.expected not in (-1, at) for at, stamp in stamps if at in counted)
        claims = [claim for record in records if (claim := claim_in(record.value)) is not None]
        marks += sum(claim.relayed_seq is not None for claim in claims)
        firsts = {(claim.epoch, claim.owner) for claim in claims}
        ties += len(firsts) - len({epoch for epoch, _ in firsts})
    assert void > SCHEDULES, "no zombies"
    assert ties > 10, "no two claimants of one epoch"
    assert marks > 10
    assert displaced > 10, "no decision that counts landed elsewhere than it was expected"


# -- each safeguard, taken away


def no_offset_check(patch: pytest.MonkeyPatch) -> None:
    """An owner believes what was acknowledged, wherever it lies."""

    async def believe(self: OwnedLog, offset: int) -> None:
        self.end = offset

    patch.setattr(OwnedLog, "_look_between", believe)


def no_second_look(patch: pytest.MonkeyPatch) -> None:
    """An owner that sees what came between does not ask whether there was a claim."""
    patch.setattr(OwnedLog, "_check_claim", lambda self: None)


def read_before_the_claim_only(patch: pytest.MonkeyPatch) -> None:
    """What the owner before has written up to the claim is not read."""

    async def nothing(self: OwnedLog, offset: int, fold: Callable[..., None]) -> None:
        self.end = offset + 1
        self.chain._enforce(Claim(self.chain.epoch + 1, self._owner).in_force)

    patch.setattr(OwnedLog, "_read_to", nothing)


def no_tie_break(patch: pytest.MonkeyPatch) -> None:
    """Who claims second believes in his claim: two owners of one epoch."""
    patch.setattr(Claim, "in_force", property(lambda self: b"%d.same" % self.epoch))


def zombies_count(patch: pytest.MonkeyPatch) -> None:
    """The rule without its first half: the next decision counts, whoever wrote it."""
    whole = Chain._is_owners

    def any_owner(self: Chain, offset: int, value: Any, stamp: Any) -> bool:
        return whole(self, offset, value, stamp) or value is None or not value.startswith(b'{"claim"')

    patch.setattr(Chain, "_is_owners", any_owner)


def nothing_is_sent_again(patch: pytest.MonkeyPatch) -> None:
    """A message of a decision whose owner ended before he sent it is lost."""

    async def nothing(self: Owner) -> None:
        self._owned.relayed(self.state.seq, True)

    patch.setattr(Owner, "_send_again", nothing)


def marks_come_too_early(patch: pytest.MonkeyPatch) -> None:
    """A mark that tells what was decided, not what was sent."""
    whole = OwnedLog._mark

    def early(self: OwnedLog) -> Any:
        self._relayed_seq, self._mark_due = (self.chain.seq or 0) + 1, True
        return whole(self)

    patch.setattr(OwnedLog, "_mark", early)


def readers_trust_the_first_record(patch: pytest.MonkeyPatch) -> None:
    """Who starts in the middle believes whatever comes first."""
    whole = Chain._settle

    def trusting(self: Chain, offset: int, value: Any, stamp: Any, found: Stamp) -> bool:
        return whole(self, offset, value, stamp, found._replace(expected=offset) if stamp else found)

    patch.setattr(Chain, "_settle", trusting)


SAFEGUARDS = (
    no_offset_check,
    no_second_look,
    read_before_the_claim_only,
    no_tie_break,
    zombies_count,
    nothing_is_sent_again,
    marks_come_too_early,
    readers_trust_the_first_record,
)


@pytest.mark.parametrize("taken", SAFEGUARDS, ids=lambda taken: taken.__name__)
def test_each_safeguard_is_needed(taken: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        taken(patch)
        patch.setattr(owned_log_module, "CLAIM_READABLE_S", 5.0)
        for seed in range(FOUND_WITHIN):
            try:
                schedule(seed)
            except WRONG:
                return
    pytest.fail(f"{FOUND_WITHIN} schedules without it went well")
