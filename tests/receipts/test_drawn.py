"""Drawn receipts are read by their looks; perf/receipts_quality.py measures hundreds of them."""

from __future__ import annotations

import io
from datetime import date

from PIL import Image

from api.receipts.admission import admit
from infra.receipts.drawing.draw import draw, draw_purchase
from infra.receipts.engine import words_of_file
from infra.receipts.fields import ReceiptReading, read
from schemas.money import Money

DAY = date(2026, 11, 2)


def read_file(content: bytes) -> ReceiptReading:
    admitted = admit(content)
    return read(words_of_file(admitted.content, admitted.media_type), received=DAY, home_currency="USD")


def test_the_same_seed_draws_the_same() -> None:
    assert draw(7, DAY) == draw(7, DAY)
    assert draw(7, DAY).jpeg != draw(8, DAY).jpeg


def test_pictures_are_read_as_they_were_drawn() -> None:
    wrong = []
    for seed in range(3):
        jpeg, what = draw(seed, DAY)
        reading = read_file(jpeg)
        if (reading.total, reading.day) != (what.total, what.day):
            wrong.append((seed, reading, what))
    assert not wrong


def test_pages_that_are_pictures_are_read_too() -> None:
    jpeg, what = draw_purchase(3, "Corner Bistro", Money(4210, "USD"), DAY)
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.save(out, "PDF", resolution=150.0, title="scan")
    reading = read_file(out.getvalue())
    assert (reading.total, reading.day, reading.merchant) == (what.total, DAY, "Corner Bistro")
