"""Words of a picture or a PDF. Text that a PDF has is taken as it is; all else is read by its looks."""

from __future__ import annotations

import io
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import pypdfium2 as pdfium
from PIL import Image

from infra.receipts.text_rows import PrintedWord, straightened

if TYPE_CHECKING:
    from rapidocr import RapidOCR

#: Letters of 20 pixels are read as well as those of 60, at a ninth of the time.
SIDE_MAX: Final = 1600
#: A strip is narrow and long; below this its letters are too small.
WIDTH_MIN: Final = 480
#: A page of fewer letters is a picture with a mark of its scanner.
LETTERS_MIN: Final = 30
_DPI: Final = 150
#: One core: decisions have the others.
_PARAMS: Final = {
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Global.log_level": "error",
    "Global.use_cls": False,
}
_one_at_a_time: Final = threading.Lock()  # PDFium has global state


class ReadingNotInstalled(RuntimeError):
    """The libraries that read pictures are an extra."""

    def __init__(self) -> None:
        super().__init__("pictures of receipts cannot be read here: pip install 'spendlog[receipts]'")


@lru_cache(maxsize=1)
def _ocr() -> RapidOCR:
    try:
        import cv2
        from rapidocr import RapidOCR
    except ImportError as error:
        raise ReadingNotInstalled from error
    cv2.setNumThreads(1)
    return RapidOCR(params=dict(_PARAMS))


def words_of_file(content: bytes, media_type: str, *, pages_max: int = 3) -> list[PrintedWord]:
    """Of an admitted file; of a PDF its first pages, one below the other. About half a second a page.

    Raises:
        ReadingNotInstalled: see there.
        ValueError: it cannot be opened.
    """
    with _one_at_a_time:
        if media_type == "application/pdf":
            return _words_of_pdf(content, pages_max)
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as image:
                return words_of_image(image.convert("RGB"))
        except OSError as error:
            raise ValueError(f"the picture cannot be opened: {error}") from error


def words_of_image(image: Image.Image) -> list[PrintedWord]:
    """Of a picture in RGB."""
    longest = max(image.size)
    scale = min(1.0, max(SIDE_MAX / longest, WIDTH_MIN / min(image.size)))
    if scale < 1.0:
        image = image.resize(
            (round(image.width * scale), round(image.height * scale)),
            Image.Resampling.LANCZOS,
            reducing_gap=3.0,
        )
    result: Any = _ocr()(image)
    if result.boxes is None or result.txts is None:
        return []
    boxes = [
        (text, [(float(x), float(y)) for x, y in box])
        for text, box in zip(result.txts, result.boxes, strict=True)
    ]
    return straightened(boxes)


def _words_of_pdf(content: bytes, pages_max: int) -> list[PrintedWord]:
    words: list[PrintedWord] = []
    below = 0.0
    try:
        with pdfium.PdfDocument(content) as document:
            for number in range(min(len(document), pages_max)):
                page = document[number]
                found = _text_of(page) or words_of_image(page.render(scale=_DPI / 72).to_pil().convert("RGB"))
                words += [
                    PrintedWord(w.text, w.left, w.top + below, w.right, w.bottom + below) for w in found
                ]
                below = max((word.bottom for word in words), default=below) + 50.0
    except pdfium.PdfiumError as error:
        raise ValueError(f"the PDF cannot be opened: {error}") from error
    return words


def _text_of(page: pdfium.PdfPage) -> list[PrintedWord]:
    """What the page says in letters; nothing if that is not enough."""
    text = page.get_textpage()
    height = page.get_height()
    words = []
    for number in range(text.count_rects()):
        left, bottom, right, top = text.get_rect(number)
        words.append(
            PrintedWord(
                " ".join(text.get_text_bounded(left, bottom, right, top).split()),
                left,
                height - top,
                right,
                height - bottom,
            )
        )
    words = [word for word in words if word.text]
    return words if sum(len(word.text) for word in words) >= LETTERS_MIN else []
