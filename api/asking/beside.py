"""What this process leaves to others that are started beside it: it answers card purchases within 2 s."""

from __future__ import annotations

from typing import NamedTuple

from api.asking.settlements import SettlementReader
from api.asking.trial import PolicyTrials


class Beside(NamedTuple):
    """`trials`: tries policies on the past. `settlements`: reads settlement files. None: not here."""

    trials: PolicyTrials | None = None
    settlements: SettlementReader | None = None


NOTHING_BESIDE = Beside()
