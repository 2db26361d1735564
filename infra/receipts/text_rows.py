"""Words with their places, and the rows that they stand in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from schemas.names import folded

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PrintedWord:
    """A run of text with its upright box, in pixels or points; y grows downwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class PrintedRow:
    """Words side by side, from left to right."""

    words: tuple[PrintedWord, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def height(self) -> float:
        return max(word.height for word in self.words)

    def parts(self) -> list[PrintedRow]:
        """What a wide gap sets apart: a name at the left, a number of the bill at the right."""
        parts: list[list[PrintedWord]] = []
        for word in self.words:
            if parts and word.left - parts[-1][-1].right < 1.5 * self.height:
                parts[-1].append(word)
            else:
                parts.append([word])
        return [PrintedRow(tuple(part)) for part in parts]


def straightened(boxes: Iterable[tuple[str, Sequence[Point]]]) -> list[PrintedWord]:
    """Words of a page that lies askew, turned upright. A box: its corners, clockwise from the top left."""
    found = [(text, corners) for text, corners in boxes if text.strip()]
    # By the long ones: a short word's angle is that of its rounding.
    angles = [
        math.atan2(b[1] - a[1], b[0] - a[0])
        for text, (a, b, *_) in sorted(found, key=lambda one: -len(one[0]))[: max(3, len(found) // 2)]
    ]
    angle = median(angles) if angles else 0.0
    cos, sin = math.cos(-angle), math.sin(-angle)
    words = []
    for text, corners in found:
        xs = [x * cos - y * sin for x, y in corners]
        ys = [x * sin + y * cos for x, y in corners]
        words.append(PrintedWord(text.strip(), min(xs), min(ys), max(xs), max(ys)))
    return words


def rows_of(words: Iterable[PrintedWord]) -> list[PrintedRow]:
    """From top to bottom. Two words share a row if the middle of one is within half a height of the
    other's."""
    rows: list[list[PrintedWord]] = []
    for word in sorted(words, key=lambda one: one.middle):
        for row in reversed(rows[-3:]):
            near = min(row, key=lambda one: abs(one.right - word.left))
            if abs(near.middle - word.middle) < 0.5 * min(near.height, word.height):
                row.append(word)
                break
        else:
            rows.append([word])
    return [PrintedRow(tuple(sorted(row, key=lambda one: one.left))) for row in rows]


_NO_LETTER = re.compile(r"[\W\d_]+")
#: What readers of pictures take for one another inside of words.
_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "|": "l", "5": "s", "8": "b"})
_MIXED = re.compile(r"(?<=[a-z])[0158|](?=[a-z])")


def label_of(text: str) -> str:
    """Letters alone, folded: `T0TAL: EUR 21.00` is `total eur`."""
    mended = _MIXED.sub(lambda found: found[0].translate(_LOOKALIKES), folded(text))
    return " ".join(_NO_LETTER.sub(" ", mended).split())
