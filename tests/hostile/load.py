"""The hostile load: bursts of every kind by a table of weights, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.events import Event
from tests.hostile.administration import SETTINGS, department_budget
from tests.hostile.payments import PAYMENTS
from tests.hostile.records import RECORDS
from tests.hostile.world import Sent, World, sent

_SENT_KEPT = 2_000
Kinds = Sequence[tuple[float, Callable[[World], Iterator[Sent]] | Callable[[World], Iterator[Event]]]]


class HostileChoice(BaseSettings):
    """SPENDLOG_HOSTILE_SEED: which load, to see again what one has found. It is printed where one is made."""

    model_config = SettingsConfigDict(env_prefix="SPENDLOG_HOSTILE_", env_ignore_empty=True)

    seed: int = 20_261_128


class Load:
    """Bursts without end. `names`: of the departments. `now`: the broker's clock as it begins."""

    def __init__(self, seed: int, names: Sequence[str], now: datetime) -> None:
        self.world = World(seed, names, now)
        self._kinds: list[Callable[[World], Iterator[Sent] | Iterator[Event]]] = []
        self._weights: list[float] = []
        table: Kinds = (*RECORDS, *PAYMENTS, *SETTINGS)
        for weight, kind in table:
            self._kinds.append(kind)
            self._weights.append(weight)

    def bursts(self) -> Iterator[list[Sent]]:
        world = self.world
        yield [sent("department_budget", event) for event in department_budget(world)]
        while True:
            make, *_ = world.rng.choices(self._kinds, self._weights)
            burst = [made if isinstance(made, Sent) else sent(make.__name__, made) for made in make(world)]
            for one in burst[:20]:
                if one.value is not None and len(one.value) < 70_000:
                    world.sent.append(one)
            del world.sent[:-_SENT_KEPT]
            yield burst
