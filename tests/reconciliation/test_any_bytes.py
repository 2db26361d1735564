"""Whatever the bytes are: lines, reasons, or one error that says what to do; never a traceback."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import SpendlogError
from schemas.card_numbers import has_card_number
from tests.reconciliation import test_camt, test_iso8583_batch, test_ofx, test_tables
from tests.reconciliation.writing import HEADER, batch, camt, mapping, message, ofx, read

WHOLE = {
    "csv": (HEADER + test_tables.ROWS).encode(),
    "camt": camt(test_camt.PLAIN, test_camt.PLAIN),
    "ofx": ofx(test_ofx.PURCHASE, test_ofx.PURCHASE),
    "iso8583": batch(*[message(**test_iso8583_batch.OF_1993)] * 2),
}
PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            b"4111111111111111",
            b"<",
            b"&#0;",
            b"\xff\xfe",
            b"9" * 60,
            b"-",
            b"\0\0",
            b'"',
            b"\r",
            b"]]>",
            b"\xc3",
        ]
    ),
)


@pytest.mark.parametrize("name", list(WHOLE))
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_changed_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 12))] = data.draw(PIECES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(content)
        with contextlib.suppress(SpendlogError):
            lines, refused, account = read(path, mapping())
            assert account.get("used", 0) == len(lines)
            assert account.get("refused", 0) == len(refused)
            for one in [*lines, *refused]:
                assert not has_card_number(str(one)), one
            assert all(one.minor > 0 and len(one.currency) == 3 for one in lines)
