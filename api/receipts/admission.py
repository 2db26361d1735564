"""A file is let in as a new file of the same picture, or refused with a reason. Runs apart: see door.py."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import Final, Literal

import pypdfium2 as pdfium
from PIL import Image, ImageOps
from pypdfium2 import raw

MediaType = Literal["image/jpeg", "image/png", "image/webp", "application/pdf"]

#: A photo of a phone has 2 to 6 MB and 12 to 48 megapixels; beyond these it is no receipt.
BYTES_MAX: Final = 10_000_000
PIXELS_MAX: Final = 50_000_000
SIDE_MAX: Final = 20_000
SIDE_MIN: Final = 50
PAGES_MAX: Final = 10
Image.MAX_IMAGE_PIXELS = None  # Pillow's own bound warns, and is another

_IMAGES: Final[dict[str, MediaType]] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: What people send by mistake, by how it begins, and what to do.
_OTHERS: Final = (
    (rb"GIF8", "a GIF"),
    (rb"(?:II\*\0|MM\0\*)", "a TIFF"),
    (rb"BM", "a bitmap"),
    (rb"PK\x03\x04", "an archive or an office document"),
    (rb".{4}ftyp(?:heic|heix|hevc|mif1|msf1|avif)", "a HEIC or AVIF picture"),
    (rb"\xd0\xcf\x11\xe0", "an office document"),
    (rb"(?:MZ|\x7fELF|#!)", "a program"),
    (rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg|!doctype|html|script)", "a page or a drawing of markup"),
)
#: In a PDF: what acts, or carries other files. A receipt needs neither.
_ACTS: Final = re.compile(rb"/(JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData)\b")
_STREAM: Final = re.compile(rb"\bstream\r?\n.*?\bendstream\b", re.DOTALL)


class ReceiptRefused(ValueError):
    """`code`: for programs. The text: what is wrong with the file, and what to do."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Admitted:
    """`content`: written anew, without metadata, scripts, or what stood behind the picture."""

    content: bytes
    media_type: MediaType
    pages: int


def admit(content: bytes) -> Admitted:
    """Raises ReceiptRefused."""
    if not content:
        raise ReceiptRefused("empty_file", "The file is empty.")
    if len(content) > BYTES_MAX:
        raise ReceiptRefused(
            "file_too_large",
            f"The file has {len(content):,} bytes; at most {BYTES_MAX:,} are taken. Make it smaller.",
        )
    if b"%PDF-" in content[:1024]:
        return _pdf(content)
    if content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    ):
        return _image(content)
    what = next(
        (name for begin, name in _OTHERS if re.match(begin, content[:64], re.DOTALL | re.I)),
        "of no kind known",
    )
    raise ReceiptRefused(
        "unsupported_file",
        f"By its content the file is {what}; JPEG, PNG, WebP and PDF are taken. Export it as one.",
    )


def _image(content: bytes) -> Admitted:
    broken = ReceiptRefused("broken_file", "The picture is broken or not complete. Take or export it again.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content), formats=tuple(_IMAGES)) as image:
                _require_bounds(image)
                kind = image.format or ""
                image.load()
                upright = ImageOps.exif_transpose(image)
        except ReceiptRefused:
            raise
        except (OSError, ValueError, SyntaxError, EOFError):
            raise broken from None
        return Admitted(_written(upright, kind), _IMAGES[kind], 1)


def _require_bounds(image: Image.Image) -> None:
    """By the header, before anything is unpacked."""
    width, height = image.size
    if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
        raise ReceiptRefused(
            "too_many_pixels",
            f"The picture is {width} x {height}; at most {PIXELS_MAX // 1_000_000} megapixels and "
            f"{SIDE_MAX:,} a side are taken. Make it smaller.",
        )
    if min(width, height) < SIDE_MIN:
        raise ReceiptRefused(
            "too_few_pixels", f"The picture is {width} x {height}: nothing could be read. Send the original."
        )
    if getattr(image, "n_frames", 1) > 1:
        raise ReceiptRefused("animated_picture", "The picture is animated. Send one that stands still.")


def _written(image: Image.Image, kind: str) -> bytes:
    """Anew from its pixels alone."""
    plain = image.convert("L" if image.mode in ("1", "L", "I;16", "I", "F") else "RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        seen = image.convert("RGBA")
        plain = Image.new("RGB", seen.size, "white")
        plain.paste(seen, mask=seen.getchannel("A"))
    plain.info.clear()
    out = io.BytesIO()
    if kind == "PNG":
        plain.save(out, "PNG")
    else:
        plain.save(out, kind, quality=90)
    return out.getvalue()


def _pdf(content: bytes) -> Admitted:
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if "assword" in str(error):
            raise ReceiptRefused(
                "encrypted_file", "The PDF is locked with a password. Save it without one."
            ) from None
        raise ReceiptRefused("broken_file", "The PDF is broken or not complete. Export it again.") from None
    try:
        return _pages(document)
    except pdfium.PdfiumError:
        raise ReceiptRefused(
            "broken_file", "The PDF has pages that cannot be opened. Export it again."
        ) from None
    finally:
        document.close()


def _pages(document: pdfium.PdfDocument) -> Admitted:
    """Its pages in a new document: what belongs to the old one as a whole stays behind."""
    pages = len(document)
    if pages == 0:
        raise ReceiptRefused("broken_file", "The PDF has no page.")
    if pages > PAGES_MAX:
        raise ReceiptRefused(
            "too_many_pages",
            f"The PDF has {pages} pages; at most {PAGES_MAX} are taken. Send those of the receipt.",
        )
    _require_still(document)
    for number in range(pages):
        page = document[number]
        width, height = page.get_size()
        if not 10 <= min(width, height) <= max(width, height) <= 14_400:
            raise ReceiptRefused("broken_file", f"Page {number + 1} of the PDF has a size that no page has.")
        while raw.FPDFPage_GetAnnotCount(page) > 0:
            if not raw.FPDFPage_RemoveAnnot(page, 0):
                break
        page.close()
    plain = pdfium.PdfDocument.new()
    plain.import_pages(document)
    out = io.BytesIO()
    plain.save(out)
    plain.close()
    if _ACTS.search(_STREAM.sub(b"", out.getvalue())):
        raise _acting("what acts by itself")
    if len(out.getvalue()) > 2 * BYTES_MAX:
        raise ReceiptRefused(
            "file_too_large", "Unpacked, the PDF is too large. Export it with smaller pictures."
        )
    return Admitted(out.getvalue(), "application/pdf", pages)


def _require_still(document: pdfium.PdfDocument) -> None:
    """Refused and not only cleaned: who sends a receipt that acts should know that he does."""
    if raw.FPDFDoc_GetJavaScriptActionCount(document) > 0:
        raise _acting("scripts")
    if raw.FPDFDoc_GetAttachmentCount(document) > 0:
        raise _acting("other files")
    whole = io.BytesIO()
    document.save(whole)  # writes each object by itself, also those that were packed
    found = _ACTS.search(_STREAM.sub(b"", whole.getvalue()))
    if found:
        raise _acting(f"what acts by itself ({found[1].decode()})")


def _acting(what: str) -> ReceiptRefused:
    return ReceiptRefused(
        "acting_file", f"The PDF carries {what}. Print it to a new PDF, or send a picture of it."
    )
