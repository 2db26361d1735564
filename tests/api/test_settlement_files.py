"""A whole settlement file by the API: read, taken, and the same again; refused with the reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from api.client import Client, Invalid
from api.client.generated.reconciliations import Reconciliation
from api.http.uploads import body_bytes_max
from tests.api.books import Books, Organization
from tests.api.support import wait_until
from tests.api.test_reconciliations import PATH, TODAY, booked, jobs, pay
from tests.reconciliation.writing import HEADER, MAPPING, camt, entry

__all__ = ["jobs"]

ENTRY = (
    '<NtryRef>r-9</NtryRef><Amt Ccy="USD">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
    f"<BookgDt><Dt>{TODAY}</Dt></BookgDt>"
)
FILES, READINGS = f"{PATH}/files", f"{PATH}/readings"


def table(*lines: str) -> bytes:
    return "".join([HEADER, *(f"{line}\n" for line in lines)]).encode()


def line(reference: str, payment: str, amount: str) -> str:
    return f"{reference},{payment},card-ada,Shop,{TODAY},{TODAY},{amount},USD"


@pytest.fixture
def client(books: Books, company: Organization) -> Client:
    company.start()
    key = company.client.headers["Authorization"].removeprefix("Bearer ")
    return Client(books.base_url, key, deadline_s=120)


@pytest.mark.usefixtures("jobs")
def test_a_file_is_read_taken_matched_and_the_same_again_changes_nothing(
    client: Client, company: Organization
) -> None:
    payment, position = pay(company, 4_200)
    booked(company, position)
    sent = ("settled.csv", table(line("r-1", payment, "42.00"), line("r-2", "nobody", "7.00"), "r-3,,,,,,x,"))
    with client:
        read = client.reconciliations.propose(sent)
        assert (read.format, read.lines, read.used, read.proposed) == ("csv", 3, 2, True)
        assert (read.refused[0].number, read.since) == (4, TODAY)
        assert [row["minor"] for row in read.sample if "minor" in row] == [4_200, 700]
        assert company.read(PATH)["reconciliations"] == [], "nothing is kept of what is only read"
        taken = client.reconciliations.upload(sent, mapping=MAPPING, days_max=2)
        place = f"{PATH}/{taken.file_id}"
        assert (taken.lines, taken.days_max) == (3, 2)
        wait_until(lambda: company.read(place)["status"] == "matched", 90)
        found = company.read(f"{place}/items")["items"]
        assert [one["result"] for one in found[:3]] == ["matched", "missing_here", "unreadable"]
        again = client.reconciliations.upload(("other.csv", sent[1]), mapping=MAPPING, days_max=2)
        assert (again.file_id, again.status, again.uploaded_at) == (
            taken.file_id,
            "matched",
            company_time(company, place),
        )
    assert len(company.read(PATH)["reconciliations"]) == 1
    assert company.read(f"{place}/items")["items"] == found


def company_time(company: Organization, place: str) -> Any:
    """When it was taken first."""
    return msgspec.convert(company.read(place), Reconciliation).uploaded_at


def test_a_format_that_says_what_it_is_needs_no_mapping(client: Client, company: Organization) -> None:
    with client:
        read = client.reconciliations.propose(("statement.xml", camt(entry(ENTRY))))
        assert (read.format.startswith("camt"), read.mapping, read.proposed) == (True, "", False)


WRONG = [
    (b"", "no file was chosen"),
    (b"colour,shape\nred,round\n", "mapping can be proposed"),
    (b"\x00\x01\x02", ""),
    (table("r-1,,,,,,x,"), "no line can be used"),
    (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Document/>', ""),
]


@pytest.mark.parametrize(("content", "words"), WRONG)
def test_a_file_that_cannot_be_read_is_refused_whole_with_the_reason(
    client: Client, company: Organization, content: bytes, words: str
) -> None:
    with client, pytest.raises(Invalid) as refused:
        client.reconciliations.upload(("settled.csv", content))
    assert refused.value.code == "unreadable_settlement_file"
    assert words in str(refused.value).lower()
    assert refused.value.errors[0].field == "body.file"
    assert company.read(PATH)["reconciliations"] == []


def test_a_mapping_that_does_not_fit_comes_back_with_its_reason(client: Client) -> None:
    with client, pytest.raises(Invalid) as refused:
        client.reconciliations.propose(
            ("settled.csv", table(line("r-1", "p", "1.00"))), mapping="[columns]\namount = 'nowhere'\n"
        )
    assert refused.value.code == "unreadable_settlement_file"
    assert "nowhere" in str(refused.value) or "column" in str(refused.value)


def test_a_form_has_bounds(company: Organization) -> None:
    file = {"file": ("settled.csv", table(line("r-1", "p", "1.00")))}
    for data, field in (({"days_max": "32"}, "days_max"), ({"colour": "red"}, "colour")):
        answer = company.client.post(READINGS, files=file, data=data)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"body.{field}")
    assert company.client.post(READINGS, json={"file": "x"}).status_code == 415
    assert body_bytes_max(FILES, 1) == body_bytes_max(READINGS, 1) == 25_000_000 + 32 * 1024
    large = {"file": ("settled.csv", b"x" * 25_000_001)}
    answer = company.client.post(FILES, files=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
