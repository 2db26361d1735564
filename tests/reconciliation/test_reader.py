"""Files that are sent by page: read in a process of their own, with a mapping that is proposed for them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from api.asking.settlements import FileQuestion, FileReading, FileRefused
from infra.imports.mapping import parse_mapping
from infra.imports.propose import propose
from infra.reconciliation.reader import SettlementProcesses
from tests.reconciliation.writing import HEADER, MAPPING

CARD = "4111111111111111"
PLAIN = HEADER + "arn-1,a1,card-7,Dell,2026-11-02,2026-11-04,600.00,USD\n"


def read(content: str | bytes, **asked: Any) -> tuple[FileReading, list[bytes]]:
    question = FileQuestion(name=asked.pop("name", "settled.csv"), **asked)
    data = content.encode() if isinstance(content, str) else content
    return asyncio.run(SettlementProcesses().read(data, question))


def test_a_table_is_read_by_what_its_columns_propose_and_then_the_same_by_that() -> None:
    lines = "".join(f"arn-{n},,card-{n},Shop {n},2026-11-02,2026-11-04,{n}.50,USD\n" for n in range(1, 2_501))
    found, none = read(HEADER + lines)
    assert (found.format, found.lines, found.used, found.proposed, none) == ("csv", 2_500, 2_500, True, [])
    assert found.sample[0] | {"n": 1} == {
        "n": 1, "number": 2, "refund": False, "minor": 150, "currency": "USD", "day": "2026-11-04",
        "bought": "2026-11-02", "reference": "arn-1", "authorization_id": None, "card_id": "card-1",
        "merchant": "Shop 1", "merchant_key": "shop 1",
    }  # fmt: skip
    again, batches = read(HEADER + lines, mapping=found.mapping, rows=True)
    assert (again.digest, again.proposed) == (found.digest, False)
    assert [len(json.loads(batch)) for batch in batches] == [2_000, 500]
    assert json.loads(batches[1])[-1]["n"] == 2_500


def test_what_cannot_be_read_says_why_and_shows_the_mapping_to_mend() -> None:
    with pytest.raises(FileRefused, match="no mapping can be proposed"):
        read("colour,shape\nred,round\n")
    with pytest.raises(FileRefused, match="the mapping that was given is wrong") as wrong:
        read(PLAIN, mapping="[columns]\ntime = 7.5\n")
    assert wrong.value.mapping == ""
    with pytest.raises(FileRefused, match="has no line"):
        read(HEADER, mapping=MAPPING)
    with pytest.raises(FileRefused) as cut:
        read(
            '<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">',
            name="a.xml",
        )
    assert "/" not in str(cut.value)  # where it lay is nobody's business


def test_a_card_number_is_in_nothing_that_comes_back() -> None:
    found, batches = read(PLAIN + f"arn-2,,{CARD},{CARD} Kiosk,2026-11-03,2026-11-04,1.00,USD\n", rows=True)
    assert (found.lines, found.used) == (2, 1)
    assert found.refused[0].number == 3
    text = repr(found) + repr(batches)
    assert CARD not in text
    assert "******1111" in text or "card number" in text


HEADERS = [
    ("arn,booked,bought,card,merchant,amount", {"row_id": "arn", "posted": "booked", "time": "bought"}),
    (
        "Acquirer Reference Number;Clearing Date;Transaction Date;Card ID;Merchant Name;Billing Amount",
        {"row_id": "Acquirer Reference Number", "posted": "Clearing Date", "time": "Transaction Date"},
    ),
    ("Authorization ID,Posted Date,Card,Description,Debit,Credit", {"authorization": "Authorization ID"}),
    ("Settlement Date,Reference,Merchant,Settled Amount", {"row_id": "Reference", "time": "Settlement Date"}),
    ("id,value date,date,auth id,card no,supplier,amount", {"authorization": "auth id", "row_id": "id"}),
    ("date,amount,currency", {"time": "date"}),
]  # fmt: skip
CELLS = {"debit": "12.50", "credit": "", "currency": "EUR", "billing currency": "EUR"}


@pytest.mark.parametrize(("header", "wanted"), HEADERS)
def test_columns_of_processors_are_known_by_their_names(
    tmp_path: Path, header: str, wanted: dict[str, str]
) -> None:
    separator = ";" if ";" in header else ","
    names = header.split(separator)

    def cell(name: str, n: int) -> str:
        low = name.lower()
        if low in CELLS:
            return CELLS[low]
        if "amount" in low:
            return f"1{n}.50"
        return f"2026-11-{n:02d}" if low in ("booked", "bought") or "date" in low else f"x-{n}"

    rows = [separator.join(cell(name, n) for name in names) for n in (3, 4, 4)]  # one repeats another
    file = tmp_path / "settled.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    mapping = parse_mapping(propose(file, settlement=True), "proposed", departments=False)
    for member, column in wanted.items():
        assert getattr(mapping.columns, member) == column
    # What stands in for a column that is not there is nothing that a line could be told by.
    assert {mapping.constants.department, mapping.constants.card, mapping.constants.merchant} <= {"-", None}
