"""What a comparison came to: rounds by contestant, and the ratios that may be claimed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perf.machine import Calibration
from perf.rounds import Contest, Durability, Spread, falls, ratios, spread

ROW_LOCKS, BATCHES, REDIS, FAUST, NO_WORK = "row-locks", "batches", "redis", "faust", "no-work"
#: Families of rivals, in the order in which they are shown. TigerBeetle's client is in the registries and its
#: server is not, so nobody could repeat a figure with `make bench`: it is left out.
RIVALS = (ROW_LOCKS, BATCHES, REDIS, FAUST, NO_WORK)

#: Row locks when 64 clients wait for the same row.
CROWD = f"{ROW_LOCKS}, 64 clients"


class Compared(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One class: what every contestant came to, turn by turn. `before`, `after`: the machine then.

    `left_out`: why there is no figure against a family of rivals.
    """

    durability: Durability
    contests: list[Contest]
    before: Calibration
    after: Calibration | None = None
    plans: list[str] = []
    left_out: list[str] = []

    def ours(self) -> list[Contest]:
        return [one for one in self.contests if one.rival is None]

    def variants(self, rival: str) -> list[Contest]:
        return [one for one in self.contests if one.rival == rival]

    def unsteady(self) -> list[str]:
        """Why there is no figure: whose rate fell from start to end."""
        return [why for one in self.contests if (why := falls(one)) is not None]

    def of_the_steady(self) -> Compared:
        """Without the families of rivals of which one fell, each as a whole: its next best would flatter us.

        Ours stays as it is: who falls himself has no figure against anybody.
        """
        fallen = {one.rival: why for one in self.contests if one.rival and (why := falls(one)) is not None}
        return msgspec.structs.replace(
            self,
            contests=[one for one in self.contests if one.rival not in fallen],
            left_out=[f"no figure against {rival}: {why}" for rival, why in fallen.items()],
        )

    def others(self) -> float:
        """The share of the machine that others used, in the median round."""
        return spread([one.others for contest in self.contests for one in contest.rounds]).middle


class RatioRow(msgspec.Struct, frozen=True, kw_only=True):
    """Ours against a rival's best variant of each turn. `ratio.low` is what may be claimed."""

    ours: str
    rival: str
    durability: Durability
    ratio: Spread
    fastest: str


def headline(compared: Compared) -> list[RatioRow]:
    """Each kind of ours against each family, and against row locks under 64 clients."""
    rows: list[RatioRow] = []
    for own in compared.ours():
        found = ((rival, compared.variants(rival)) for rival in RIVALS)
        rows += [_row(compared, own, rival, variants) for rival, variants in found if variants]
        if crowd := [one for one in compared.variants(ROW_LOCKS) if one.name.endswith(" 64 clients")]:
            rows.append(_row(compared, own, CROWD, crowd))
    return rows


def _row(compared: Compared, own: Contest, rival: str, variants: Sequence[Contest]) -> RatioRow:
    return RatioRow(
        ours=own.name,
        rival=rival,
        durability=compared.durability,
        ratio=spread(ratios(own, variants)),
        fastest=max(variants, key=lambda one: spread(one.rates).middle).name,
    )
