"""What kind of file an export is, by its first bytes and never by its name."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Final, Literal

from infra.errors import SpendlogError
from infra.texts import mark_of

Kind = Literal["text", "gzip", "workbook"]

_CSV: Final = "ask your bank or processor for CSV or XLSX"
# First bytes -> what it is, and what to do.
_NOT_READ: Final = (
    (b"%PDF", "a PDF", _CSV),
    (b"OFXHEADER", "OFX (or QFX)", _CSV),
    (b"<OFX", "OFX (or QFX)", _CSV),
    (b"!TYPE:", "QIF", _CSV),
    (b"!ACCOUNT", "QIF", _CSV),
    (b":20:", "MT940", _CSV),
    (b"{1:F01", "MT940 (SWIFT)", _CSV),
    (b"<!DOCTYPE HTML", "a web page", "open it in a spreadsheet program and save it as CSV or XLSX"),
    (b"<HTML", "a web page", "open it in a spreadsheet program and save it as CSV or XLSX"),
    (b"<TABLE", "a web page", "open it in a spreadsheet program and save it as CSV or XLSX"),
    (b"MIME-VERSION:", "a web page (MHTML)", "open it in a spreadsheet program and save it as CSV or XLSX"),
    (b"{\\RTF", "a text document (RTF)", _CSV),
    (b"BZh", "compressed by bzip2", "unpack it first"),
    (b"\xfd7zXZ", "compressed by xz", "unpack it first"),
    (b"(\xb5/\xfd", "compressed by zstd", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it and give the file in it"),
    (b"Rar!", "a RAR archive", "unpack it and give the file in it"),
    (b"PAR1", "Parquet", "write it as CSV"),
    (b"SQLite format 3", "an SQLite database", "write the table as CSV"),
    (b"\x89PNG", "a picture", _CSV),
    (b"\xff\xd8\xff", "a picture", _CSV),
)
_JSON: Final = re.compile(rb"\{|\[\s*[\[{]")
_OLE: Final = b"\xd0\xcf\x11\xe0"  # .xls, and workbooks with a password
_SHEETS: Final = ("xl/workbook.xml", "xl/workbook.bin")
_LISTED_MAX: Final = 3


def kind_of(path: Path, start: bytes) -> Kind:
    """Which reader is for a file that begins with `start` (4 kB are enough).

    Raises:
        SpendlogError: it is empty or of a format that is not read; the message says what to do.
    """
    if not start:
        raise SpendlogError(f"{path} is empty")
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"PK"):
        return _in_zip(path)
    if start.startswith(_OLE):
        return "workbook"
    mark, encoding = mark_of(start) or (b"", "utf-8")
    head = start[len(mark) :].decode(encoding, "replace").lstrip()
    plain = head[:400].upper().encode()
    for magic, name, advice in _NOT_READ:
        if start.startswith(magic) or plain.startswith(magic):
            raise SpendlogError(f"{path} is {name}, which is not read: {advice}")
    if plain.startswith(b"<?XML"):
        name = "OFX (or QFX)" if b"OFX" in plain else "camt (ISO 20022)" if b"CAMT." in plain else "XML"
        raise SpendlogError(f"{path} is {name}, which is not read: {_CSV}")
    if _JSON.match(plain):
        raise SpendlogError(f"{path} is JSON, which is not read: write its rows as CSV")
    return "text"


def _in_zip(path: Path) -> Kind:
    """Workbooks are zip archives; every other archive is named with what is in it."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
            names = archive.namelist()
            if any(name in names for name in _SHEETS):
                return "workbook"
            if "mimetype" in names and b"opendocument.spreadsheet" in archive.read("mimetype"):
                return "workbook"
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise SpendlogError(
            f"{path} begins like a zip archive or workbook, but cannot be read: {error}"
        ) from None
    if "word/document.xml" in names:
        raise SpendlogError(f"{path} is a text document (DOCX), which is not read: {_CSV}")
    files = [name for name in names if not name.endswith("/")]
    shown = ", ".join(files[:_LISTED_MAX]) + (" ..." if len(files) > _LISTED_MAX else "")
    raise SpendlogError(
        f"{path} is a zip archive ({shown or 'nothing in it'}), which is not read: "
        "unpack it and give the file in it"
    )
