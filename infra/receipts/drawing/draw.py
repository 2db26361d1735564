"""A receipt by its seed: the picture, and what stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random
from typing import NamedTuple

from PIL import Image

from infra.receipts.drawing.damage import as_jpeg, damaged
from infra.receipts.drawing.paper import LAYOUTS, PLAIN, Face
from infra.receipts.drawing.printed_words import Tongue
from infra.receipts.drawing.purchase import Bought, bought
from schemas.money import Money


class Drawn(NamedTuple):
    """`jpeg`: as it would be sent."""

    jpeg: bytes
    what: Bought


def draw(seed: int, received: date, faces: Sequence[Face] = (PLAIN,)) -> Drawn:
    """Any receipt. The same seed draws the same."""
    lot = Random(seed)
    what = bought(lot, received)
    return Drawn(as_jpeg(damaged(_paper(what, lot, faces), lot), lot.randrange(30, 90)), what)


def draw_purchase(seed: int, merchant: str, total: Money, day: date) -> Drawn:
    """The receipt of one purchase, clean: for the demo."""
    lot = Random(seed)
    what = bought(lot, day, merchant=merchant, total=total, day=day)
    return Drawn(as_jpeg(_paper(what, lot, (PLAIN,)).convert("RGB"), 85), what)


def _paper(what: Bought, lot: Random, faces: Sequence[Face]) -> Image.Image:
    tongue, face = Tongue.drawn(lot, what.language, what.total.currency), lot.choice(faces)
    if face.is_plain:
        tongue = replace(tongue, sign=f"{what.total.currency} ")
    return lot.choice(LAYOUTS)(what, tongue, face, lot)
