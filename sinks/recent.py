"""A bounded memory of what was stored last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from schemas.authorizations import Authorization
from sinks.payments import Key

# 20,000 authorizations of about 1.5 kB: 30 MB, for clearings that follow soon. Older ones are read.
KEPT_MAX = 20_000


class Recent:
    """Authorizations as last stored; those that came first are forgotten first. Only ever a copy."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        # Not a dict: taking the oldest out of one looks at every place that was ever taken out.
        self._states: OrderedDict[Key, Authorization] = OrderedDict()

    def get(self, keys: Iterable[Key]) -> dict[Key, Authorization]:
        states = self._states
        return {key: states[key] for key in keys if key in states}

    def keep(self, states: Mapping[Key, Authorization]) -> None:
        self._states.update(states)
        for _ in range(len(self._states) - self._kept_max):
            self._states.popitem(last=False)

    def forget(self) -> None:
        self._states.clear()
