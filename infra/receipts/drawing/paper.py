"""Draws a receipt in one of several layouts."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from infra.receipts.drawing.printed_words import Tongue
from infra.receipts.drawing.purchase import Bought

Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Face:
    """A typeface: `at` gives it at a size in pixels. `is_plain`: it has the letters of English alone."""

    at: Callable[[int], Font]
    is_plain: bool = False

    def written(self, text: str) -> str:
        """What can be written of it with this face."""
        if not self.is_plain:
            return text
        return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _default(size: int) -> Font:
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


#: The one that Pillow has in it: the demo needs no other.
PLAIN: Final = Face(_default, is_plain=True)


@dataclass(slots=True)
class Paper:
    """Lines are written from top to bottom; `y` is where the next one goes."""

    width: int
    face: Face
    size: int
    y: int = 30
    margin: int = 24
    image: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        self.image = Image.new("L", (self.width, 2400), 255)

    def line(self, left: str = "", right: str = "", *, centre: bool = False, scale: float = 1.0) -> None:
        """One row; what is too wide is set smaller, as printers do."""
        left, right = self.face.written(left), self.face.written(right)
        draw = ImageDraw.Draw(self.image)
        size = round(self.size * scale)
        font = self.face.at(size)
        room = self.width - 2 * self.margin
        while size > 10 and draw.textlength(f"{left}  {right}" if right else left, font=font) > room:
            size -= 1
            font = self.face.at(size)
        x = self.margin + (room - draw.textlength(left, font=font)) / 2 if centre else self.margin
        draw.text((x, self.y), left, fill=0, font=font)
        if right:
            draw.text(
                (self.width - self.margin - draw.textlength(right, font=font), self.y),
                right,
                fill=0,
                font=font,
            )
        self.y += round(size * 1.5)

    def columns(self, cells: Sequence[tuple[float, str]]) -> None:
        """Cells at shares of the width; the last one is set to the right."""
        draw, font = ImageDraw.Draw(self.image), self.face.at(self.size)
        for share, text in cells[:-1]:
            draw.text((self.margin + share * self.width, self.y), self.face.written(text), fill=0, font=font)
        text = self.face.written(cells[-1][1])
        draw.text(
            (self.width - self.margin - draw.textlength(text, font=font), self.y), text, fill=0, font=font
        )
        self.y += round(self.size * 1.5)

    def rule(self) -> None:
        """A line across."""
        draw = ImageDraw.Draw(self.image)
        draw.line((self.margin, self.y + 6, self.width - self.margin, self.y + 6), fill=0, width=2)
        self.y += 16

    def gap(self, lines: float = 0.6) -> None:
        """Nothing for some lines."""
        self.y += round(lines * self.size)

    def cut(self) -> Image.Image:
        """What is written on."""
        return self.image.crop((0, 0, self.width, min(self.y + 30, self.image.height)))


def _sums(paper: Paper, what: Bought, tongue: Tongue, lot: Random) -> None:
    words = tongue.words
    money = tongue.money if tongue.marks_all else tongue.number
    rate = f"{what.tax_percent}%"
    if what.tax_on_top:
        paper.line(lot.choice(words.subtotal), money(what.subtotal))
        paper.line(f"{lot.choice(words.tax)} {rate}", money(what.tax.minor))
        if what.tip:
            paper.line(words.tip, money(what.tip))
    total = lot.choice(words.total)
    if lot.random() < 0.15:
        paper.line(total, scale=1.3)
        paper.line("", tongue.money(what.total.minor), scale=1.3)
    else:
        paper.line(total, tongue.money(what.total.minor), scale=lot.choice((1.0, 1.2, 1.4)))
    if not what.tax_on_top:
        paper.line(f"{lot.choice(words.tax)} {rate}", money(what.tax.minor))


def strip(what: Bought, tongue: Tongue, face: Face, lot: Random) -> Image.Image:
    """Of a till: narrow, items in rows."""
    words = tongue.words
    paper = Paper(lot.choice((420, 480, 560)), face, lot.choice((20, 22, 24)))
    paper.line(what.merchant, centre=True, scale=lot.choice((1.0, 1.3, 1.6)))
    paper.line(lot.choice(words.street), centre=True)
    paper.line(f"Tel. {lot.randrange(10**8, 10**9)}", centre=True)
    paper.gap()
    paper.line(tongue.day(what.day), what.time)
    paper.line(f"#{lot.randrange(1000, 99999)}", f"{lot.randrange(1, 9)}")
    paper.rule()
    for item in what.items:
        name = item.name if item.count == 1 else f"{item.count} x {item.name}"
        paper.line(name, tongue.money(item.price) if tongue.marks_all else tongue.number(item.price))
    paper.rule()
    _sums(paper, what, tongue, lot)
    paper.gap()
    paper.line(f"{lot.choice(words.card)} ****{lot.randrange(1000, 9999)}", tongue.number(what.total.minor))
    paper.line(lot.choice(words.thanks), centre=True)
    return paper.cut()


def bill(what: Bought, tongue: Tongue, face: Face, lot: Random) -> Image.Image:
    """Of a restaurant: a head of its own, the day with its label."""
    words = tongue.words
    paper = Paper(lot.choice((480, 560, 640)), face, lot.choice((20, 23, 26)), margin=40)
    paper.line(what.merchant.upper() if lot.random() < 0.4 else what.merchant, centre=True, scale=1.5)
    paper.gap(0.3)
    paper.line(lot.choice(words.receipt), centre=True)
    label = lot.choice(words.date)
    paper.line(f"{label} {tongue.day(what.day)} {what.time}".strip())
    paper.line(f"{lot.choice(('Table', 'No', 'Nr'))} {lot.randrange(1, 40)}")
    paper.gap()
    for item in what.items:
        paper.columns(((0.0, str(item.count)), (0.1, item.name), (0.9, tongue.number(item.price))))
    paper.gap()
    _sums(paper, what, tongue, lot)
    paper.gap()
    paper.line(lot.choice(words.thanks), centre=True)
    paper.line(lot.choice(words.street), centre=True)
    return paper.cut()


def invoice(what: Bought, tongue: Tongue, face: Face, lot: Random) -> Image.Image:
    """On a whole sheet: name and number at the sides, prices in columns."""
    words = tongue.words
    paper = Paper(lot.choice((900, 1000)), face, lot.choice((20, 22, 24)), margin=60)
    paper.line(what.merchant, "" if lot.random() < 0.5 else lot.choice(words.receipt), scale=1.6)
    paper.line(lot.choice(words.street))
    paper.gap()
    paper.line(
        f"No. {lot.randrange(1000, 99999)}", f"{lot.choice(words.date)} {tongue.day(what.day)}".strip()
    )
    paper.gap()
    paper.rule()
    for item in what.items:
        single = tongue.number(item.price // item.count)
        paper.columns(
            ((0.0, item.name), (0.5, str(item.count)), (0.62, single), (0.9, tongue.number(item.price)))
        )
    paper.rule()
    _sums(paper, what, tongue, lot)
    paper.gap(2)
    paper.line(lot.choice(words.thanks))
    return paper.cut()


def slip(what: Bought, tongue: Tongue, face: Face, lot: Random) -> Image.Image:
    """Of a taxi or a car park: few words, one sum."""
    words = tongue.words
    paper = Paper(lot.choice((400, 460)), face, lot.choice((22, 26)))
    paper.line(lot.choice(words.receipt), centre=True)
    paper.line(what.merchant, centre=True, scale=lot.choice((1.0, 1.3)))
    paper.gap()
    paper.line(f"{lot.choice(words.date)} {tongue.day(what.day)}".strip())
    paper.line(what.time)
    paper.gap()
    _sums(paper, what, tongue, lot)
    paper.line(f"{lot.choice(words.card)} ****{lot.randrange(1000, 9999)}")
    return paper.cut()


LAYOUTS: Final = (strip, bill, invoice, slip)
