"""Files are let in by their content, and written anew; others are refused with the reason."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pypdfium2 as pdfium
import pytest
from PIL import Image, PngImagePlugin

from api.receipts.admission import BYTES_MAX, Admitted, ReceiptRefused, admit
from api.receipts.door import ReceiptDoor
from tests.receipts.papers import pdf_of


def picture(kind: str = "JPEG", size: tuple[int, int] = (300, 400), **options: object) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def png_that_says(width: int, height: int) -> bytes:
    """A small one with another size in its head."""
    content = picture("PNG")
    head = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


def pdf(pages: int = 1) -> bytes:
    document = pdfium.PdfDocument.new()
    for _ in range(pages):
        document.new_page(300, 400).close()
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


PAGES = "<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]{}>>"
SCRIPT = "<</S/JavaScript/JS(app.alert\\(1\\))>>"


def test_what_is_let_in_has_neither_metadata_nor_what_stood_behind_it() -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x8825] = "Phone of Alice", {1: "N", 2: (52.0, 31.0, 12.0)}
    exif[0x0112] = 6  # lies on its side
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "secret-remark")
    for content, media_type in (
        (picture("JPEG", exif=exif) + b"<script>secret-remark</script>", "image/jpeg"),
        (picture("PNG", pnginfo=text) + b"PK\x03\x04secret-remark", "image/png"),
        (picture("WEBP", exif=exif), "image/webp"),
        (
            pdf_of(
                "<</Type/Catalog/Pages 2 0 R>>",
                PAGES,
                PAGE.format(""),
                "<</Author(secret-remark)>>",
                trailer="/Info 4 0 R",
            ),
            "application/pdf",
        ),
    ):
        found = admit(content)
        assert (found.media_type, found.pages) == (media_type, 1)
        for hidden in (b"secret-remark", b"Phone of Alice", b"Exif\0\0", b"EXIF"):
            assert hidden not in found.content, (media_type, hidden)
        assert admit(found.content).media_type == media_type, "what was let in is let in again"
        if media_type == "image/jpeg":
            with Image.open(io.BytesIO(found.content)) as image:
                assert image.size == (400, 300), "it stands upright"


def test_pages_of_a_pdf_are_kept() -> None:
    found = admit(pdf(3))
    assert found.pages == 3
    assert len(pdfium.PdfDocument(found.content)) == 3


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("empty_file", lambda: b""),
    "too many bytes": ("file_too_large", lambda: b"\xff\xd8\xff" + bytes(BYTES_MAX)),
    "a GIF": ("unsupported_file", lambda: picture("GIF")),
    "a TIFF": ("unsupported_file", lambda: picture("TIFF")),
    "a page": ("unsupported_file", lambda: b"<!DOCTYPE html><script>1</script>"),
    "a drawing": ("unsupported_file", lambda: b"<svg xmlns='x' onload='y()'/>"),
    "an archive": ("unsupported_file", lambda: b"PK\x03\x04rest"),
    "a program": ("unsupported_file", lambda: b"MZ\x90\0"),
    "a photo of an iPhone": ("unsupported_file", lambda: b"\0\0\0\x18ftypheic\0\0\0\0"),
    "text": ("unsupported_file", lambda: b"total 12.00"),
    "half a JPEG": ("broken_file", lambda: picture()[:900]),
    "half a PNG": ("broken_file", lambda: picture("PNG")[:-200]),
    "half a WebP": ("broken_file", lambda: picture("WEBP")[:300]),
    "the beginning of a JPEG": ("broken_file", lambda: b"\xff\xd8\xff\xe0\0\x10JFIF"),
    "a bomb": ("too_many_pixels", lambda: png_that_says(20_000, 2_600)),
    "a bomb beyond Pillow's own bound": ("too_many_pixels", lambda: png_that_says(200_000, 200_000)),
    "a ribbon": ("too_many_pixels", lambda: png_that_says(60, 20_001)),
    "a stamp": ("too_few_pixels", lambda: picture("JPEG", (20, 20))),
    "a film": (
        "animated_picture",
        lambda: picture("WEBP", save_all=True, append_images=[Image.new("RGB", (300, 400), "red")],
        duration=100),
    ),
    "a book": ("too_many_pages", lambda: pdf(11)),
    "half a PDF": ("broken_file", lambda: b"%PDF-1.7\n1 0 obj\n<</Type/Catalog"),
    "no page": ("broken_file", lambda: pdf_of("<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[]/Count 0>>")),
    "locked": (
        "encrypted_file",
        lambda: pdf_of(
            "<</Type/Catalog/Pages 2 0 R>>",
            PAGES,
            PAGE.format(""),
            f"<</Filter/Standard/V 1/R 2/O<{'41' * 32}>/U<{'42' * 32}>/P -4>>",
            trailer="/Encrypt 4 0 R/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]",
        ),
    ),
    "a script when it opens": (
        "acting_file",
        lambda: pdf_of(f"<</Type/Catalog/Pages 2 0 R/OpenAction {SCRIPT}>>", PAGES, PAGE.format("")),
    ),
    "a script by name": (
        "acting_file",
        lambda: pdf_of(f"<</Type/Catalog/Pages 2 0 R/Names<</JavaScript<</Names[(a){SCRIPT}]>>>>>>", PAGES,
        PAGE.format("")),
    ),
    "a script of its page": (
        "acting_file",
        lambda: pdf_of("<</Type/Catalog/Pages 2 0 R>>", PAGES, PAGE.format(f"/AA<</O {SCRIPT}>>")),
    ),
    "a script behind other letters": (
        "acting_file",
        lambda: pdf_of("<</Type/Catalog/Pages 2 0 R>>", PAGES,
        PAGE.format("/AA<</O <</S/J#61vaScript/J#53(x)>>>>")),
    ),
    "a program started": (
        "acting_file",
        lambda: pdf_of("<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F(cmd.exe)>>>>", PAGES,
        PAGE.format("")),
    ),
    "another file in it": (
        "acting_file",
        lambda: pdf_of(
            "<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a.exe)"
            "<</Type/Filespec/F(a.exe)/EF<</F 4 0 R>>>>]>>>>>>",
            PAGES,
            PAGE.format(""),
            "<</Type/EmbeddedFile/Length 4>>\nstream\nMZ12\nendstream",
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused_with_the_reason(name: str) -> None:
    code, content = REFUSED[name]
    with pytest.raises(ReceiptRefused) as refused:
        admit(content())
    assert refused.value.code == code
    assert str(refused.value).endswith(".")


@pytest.mark.anyio
async def test_the_door_gives_the_same_as_the_look_itself() -> None:
    door = ReceiptDoor()
    content = picture()
    found = await door.admit(content)
    assert found == Admitted(admit(content).content, "image/jpeg", 1)
    for name in ("a bomb", "locked", "text"):
        code, made = REFUSED[name]
        with pytest.raises(ReceiptRefused) as refused:
            await door.admit(made())
        assert refused.value.code == code, name
