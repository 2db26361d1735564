"""What pockets, light and phones do to a receipt."""

from __future__ import annotations

import io
from random import Random

from PIL import Image, ImageFilter


def damaged(paper: Image.Image, lot: Random) -> Image.Image:
    """Lying askew on a table, faded, in uneven light, out of focus, noisy; each with some chance."""
    image = _faded(paper, lot) if lot.random() < 0.5 else paper
    if lot.random() < 0.6:
        image = _askew(image, lot)
    if lot.random() < 0.4:
        image = _shaded(image, lot)
    if lot.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(lot.uniform(0.4, 1.1)))
    if lot.random() < 0.5:
        image = _noisy(image, lot)
    if lot.random() < 0.3:
        share = lot.uniform(0.8, 1.6)
        image = image.resize(
            (round(image.width * share), round(image.height * share)), Image.Resampling.BICUBIC
        )
    return _tinted(image, lot)


def as_jpeg(image: Image.Image, quality: int) -> bytes:
    """As a phone sends it."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _faded(image: Image.Image, lot: Random) -> Image.Image:
    """Thermal paper after some weeks: ink of 60 to 150 on paper of 200 to 250."""
    ink, white = lot.randrange(40, 140), lot.randrange(205, 250)
    return image.point([ink + (white - ink) * value // 255 for value in range(256)])


def _askew(image: Image.Image, lot: Random) -> Image.Image:
    table = lot.choice((255, 245, 200, 120, 70))
    return image.rotate(lot.uniform(-4.0, 4.0), Image.Resampling.BICUBIC, expand=True, fillcolor=table)


def _shaded(image: Image.Image, lot: Random) -> Image.Image:
    """A shadow from one side."""
    shade = Image.linear_gradient("L").rotate(lot.choice((0, 90, 180, 270))).resize(image.size)
    dark = lot.randrange(90, 180)
    shade = shade.point([dark + (255 - dark) * value // 255 for value in range(256)])
    return Image.composite(image, Image.new("L", image.size, 0), shade)


def _noisy(image: Image.Image, lot: Random) -> Image.Image:
    """Grain: of bytes from the lot, so the same seed draws the same picture."""
    strength = lot.uniform(0.05, 0.22)
    grain = Image.frombytes("L", image.size, lot.randbytes(image.width * image.height))
    return Image.blend(image, grain.filter(ImageFilter.GaussianBlur(0.6)), strength)


def _tinted(image: Image.Image, lot: Random) -> Image.Image:
    white = lot.choice(((255, 255, 255), (255, 250, 235), (240, 245, 255), (250, 240, 240)))
    return Image.merge("RGB", [image.point([value * part // 255 for value in range(256)]) for part in white])
