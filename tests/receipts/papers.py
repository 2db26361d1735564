"""Files that tests send as receipts."""

from __future__ import annotations

from datetime import date


def text_pdf(*lines: str) -> bytes:
    """A PDF of one page with letters, as a shop's till sends it by mail: read without looking at pictures."""
    shown = "".join(f"({line}) Tj 0 -24 Td " for line in lines)
    content = f"BT /F1 14 Tf 40 560 Td {shown}ET"
    return pdf_of(
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 600]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(content)}>>\nstream\n{content}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def receipt_pdf(merchant: str, total: str, day: date, note: str = "Thank you for your visit") -> bytes:
    """`total` with its sign of currency."""
    return text_pdf(merchant, "12 Main Street", f"Date {day:%d %b %Y}", f"Total {total}", note)


def pdf_of(*objects: str, trailer: str = "") -> bytes:
    """Written by hand: the first object is its catalogue."""
    body, offsets = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    count = len(objects) + 1
    end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<</Size {count}/Root 1 0 R{trailer}>>\n"
    return body + end.encode("latin-1") + f"startxref\n{len(body)}\n%%EOF\n".encode()
