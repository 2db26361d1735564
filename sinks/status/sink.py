"""Status cache and live feed in Redis: nothing here that the log could not give again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import chain

from schemas.decisions import Decision
from schemas.effects import PaymentVoided
from sinks.errors import PositionMoved
from sinks.loop.chain import Place, Run
from sinks.loop.ports import Clock
from sinks.payments import fold, starts, touched
from sinks.recent import Recent
from sinks.status.feed import entries
from sinks.status.redis import FEED_LENGTH_MAX, TTL_S, StatusKeys

_KEPT = timedelta(seconds=TTL_S)


class StatusStore:
    """A Store.

    Bounded also while it is built again from an old log: what was recorded longer ago than the keys live is
    read and checked, but not written.
    """

    def __init__(self, keys: StatusKeys, clock: Clock, recent: Recent | None = None) -> None:
        self.name = "status"
        self.remedy = "empty this Redis database: it is filled again from the log"
        self._keys = keys
        self._clock = clock
        self._recent = recent or Recent()

    def places(self, partitions: frozenset[int]) -> dict[int, Place]:
        self._recent.forget()
        return self._keys.places(partitions)

    def verify(self, places: Mapping[int, Place]) -> None:
        for partition, place in self._keys.places(places).items():
            if place.next_offset != places[partition].next_offset:
                raise PositionMoved(f"partition {partition} was moved or flushed in Redis")

    def commit(self, runs: Sequence[Run]) -> None:
        fresh = self._fresh(list(chain.from_iterable(run.decisions for run in runs)))
        batch = touched(fresh)
        known = self._recent.get(batch.by_key)
        try:
            known |= self._keys.authorizations(batch.by_key.keys() - known.keys())
            after = fold(known, batch, _begins)
            self._keys.apply(runs, after.values(), entries(fresh, FEED_LENGTH_MAX))
        except BaseException:
            self._recent.forget()
            raise
        self._recent.keep(after)

    def close(self) -> None:
        self._keys.close()

    def _fresh(self, decisions: list[Decision]) -> list[Decision]:
        oldest = self._clock.now() - _KEPT
        return [decision for decision in decisions if decision.recorded_at >= oldest]


def _begins(authorization_id: str, decision: Decision) -> bool:
    """Whether nothing was heard of the payment before, as far as the decision tells.

    Else it is not here because it expired or is older than the cache, and half a payment would be shown as
    a whole one; the ledger has it all.
    """
    if starts(authorization_id, decision):
        return True
    if decision.authorization_id != authorization_id:
        return False  # its hold lapsed with another's event, or a refund or dispute of it ended
    if decision.event_type == "authorization.advised" and decision.approved is None:
        return True  # the network declined in our place: most often all there ever is of a payment
    if "already_settled" in decision.alerts:
        return False  # a clearing came before this timeout
    return "no_authorization" in decision.alerts or any(
        type(effect) is PaymentVoided for effect in decision.effects
    )
