"""What crosses a topic: codec, money, positions, partitions, and the committed JSON Schemas."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import json_schema
from schemas.codec import (
    BrokenChain,
    UndecodableEvent,
    UnknownVersion,
    check_seal,
    decode_decision,
    decode_event,
    encode_event,
    fingerprint,
    seal_decision,
)
from schemas.decisions import DECISION_VERSION, Decision
from schemas.events import AuthorizationRequested, Merchant
from schemas.ids import Position
from schemas.money import MINOR_MAX, CurrencyMismatch, Money, PositiveMoney, exponent
from schemas.partitions import murmur2, partition_of
from schemas.reasons import Outcome, Reason, ReasonCode, response_code, sentence

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
REQUEST = AuthorizationRequested(
    event_id="e1",
    organization_id="techcorp",
    department_id="engineering",
    occurred_at=NOON,
    authorization_id="a1",
    card_id="c1",
    amount=PositiveMoney(600_000, "USD"),
    merchant=Merchant("ACME", "5411", "US"),
)
APPROVED = Decision(
    partition=1, seq=5, source_offset=7, recorded_at=NOON, outcome=Outcome.APPROVED, previous_hash="1" * 64
)


def test_an_event_comes_back_as_it_went() -> None:
    assert decode_event(encode_event(REQUEST)) == REQUEST


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"{", "undecodable"),
        (b"", "undecodable"),
        (b"\xff", "undecodable"),
        (b"[" * 60_000, "undecodable"),
        (b"[" * 100_000, "invalid_event"),
        (b"[]", "invalid_event"),
        (b'{"type":["budget.set"]}', "unknown_type"),
        (b'{"type":"budget.set","version":2}', "unsupported_version"),
        (encode_event(REQUEST).replace(b"600000", b"0"), "invalid_event"),
        (encode_event(REQUEST).replace(b"600000", b"1.5"), "invalid_event"),
        (encode_event(REQUEST).replace(b"12:00:00Z", b"12:00:00"), "invalid_event"),
        (encode_event(REQUEST).replace(b'"USD"', b'"usd!"'), "invalid_event"),
        (encode_event(REQUEST).replace(b'"5411"', b'"541x"'), "invalid_event"),
        (encode_event(REQUEST).replace(b'"5411"', '"٥٤١١"'.encode()), "invalid_event"),
        (encode_event(REQUEST).replace(b'"US"', b'"us"'), "invalid_event"),
        (encode_event(REQUEST).replace(b'"ACME"', b'"  "'), "invalid_event"),
        (encode_event(REQUEST).replace(b'"ACME"', '"\u200b\ufeff"'.encode()), "invalid_event"),
    ],
)
def test_what_is_no_event_is_refused_with_its_kind(value: bytes, code: str) -> None:
    with pytest.raises(UndecodableEvent) as refused:
        decode_event(value)
    assert refused.value.code == code
    assert refused.value.detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["type", "version", "event_id", "x"]), inner)
    ),
)


@given(st.binary(max_size=200) | JSON.map(msgspec.json.encode))
def test_any_bytes_are_an_event_or_refused(value: bytes) -> None:
    with pytest.raises(UndecodableEvent):
        decode_event(value)


def test_a_repeat_at_another_time_has_the_same_fingerprint() -> None:
    later = msgspec.structs.replace(REQUEST, occurred_at=NOON.replace(hour=13), event_id="other")
    assert fingerprint(later) == fingerprint(REQUEST)
    for change in ({"amount": PositiveMoney(1, "USD")}, {"card_id": "c2"}, {"merchant": Merchant("ACME")}):
        assert fingerprint(msgspec.structs.replace(REQUEST, **change)) != fingerprint(REQUEST)


def test_a_seal_shows_any_change() -> None:
    sealed = msgspec.structs.replace(APPROVED)
    value = seal_decision(sealed)
    decision = decode_decision(value)
    assert decision == sealed
    assert len(decision.hash) == 64
    check_seal(value, decision, "1" * 64)
    with pytest.raises(BrokenChain, match="decision 1:5"):
        check_seal(value.replace(b'"source_offset":7', b'"source_offset":8'), decision, "1" * 64)
    with pytest.raises(BrokenChain, match="but the decision before has 222"):
        check_seal(value, decision, "2" * 64)


@pytest.mark.parametrize(
    "version", ["2", "0", "-1", "99999999999999999999", '"1"', "null", "true", "[1]", "{}"]
)
@pytest.mark.parametrize("more", [b"", b',"effects":[{"effect":"one_of_tomorrow"}]', b',"outcome":"perhaps"'])
def test_a_decision_of_a_version_that_is_not_known_is_refused_as_such(version: str, more: bytes) -> None:
    """Whatever else it has that is not known either, and wherever its version stands."""
    body = seal_decision(APPROVED)[1:-1]
    told = b'"version":' + version.encode()
    for value in (b"{%s%s,%s}" % (body, more, told), b"{%s,%s%s}" % (told, body, more)):
        with pytest.raises(UnknownVersion) as refused:
            decode_decision(value)
        assert str(refused.value) == (
            f"decision 1:5 is of version {str(msgspec.json.decode(version))!r}; this program reads version "
            f"{DECISION_VERSION}. Run the release that wrote it, or a later one"
        )


@pytest.mark.parametrize("more", [b"", b',"version":1'])
def test_a_decision_of_this_version_that_is_damaged_is_no_other_version(more: bytes) -> None:
    whole = b"{%s%s}" % (seal_decision(APPROVED)[1:-1], more)
    assert decode_decision(whole).version == DECISION_VERSION
    for broken in (whole[:-1], whole.replace(b"approved", b"perhaps"), b"[]", b"", b"\xff", b'{"version":1}'):
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as refused:
            decode_decision(broken)
        assert not isinstance(refused.value, UnknownVersion)


def test_json_schemas_are_those_committed() -> None:
    """`python -m schemas.json_schema` writes them anew."""
    for name, text in json_schema.documents().items():
        assert (json_schema.FOLDER / name).read_text(encoding="utf-8") == text


@given(st.integers(0, MINOR_MAX), st.sampled_from(["USD", "JPY", "BHD", "GBP"]))
def test_money_keeps_every_digit(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.of(money.decimal(), currency) == money
    assert money.decimal() * 10 ** exponent(currency) == minor


def test_money_refuses_what_it_cannot_hold() -> None:
    assert Money.of("6000.00", "USD").minor == 600_000
    assert Money(1, "USD") + Money(2, "USD") == Money(3, "USD")
    with pytest.raises(CurrencyMismatch):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match="negative"):
        Money(1, "USD") - Money(2, "USD")
    for amount in ("0.001", "NaN", "-1", "1e30", "ten", Decimal("Infinity")):
        with pytest.raises(ValueError, match=r"digits|amount|outside"):
            Money.of(amount, "USD")
    for currency in ("ZZZ", "XXX", "XAU"):
        with pytest.raises(ValueError, match="ISO 4217"):
            exponent(currency)


def test_the_sentence_of_an_exceeded_budget() -> None:
    reason = Reason(
        code=ReasonCode.BUDGET_EXCEEDED,
        subject="Engineering",
        currency="USD",
        limit=5_000_000,
        posted=0,
        held=600_000,
        requested=4_800_000,
    )
    expected = "Department 'Engineering' budget exceeded. Limit: $50,000, Current: $6,000, Requested: $48,000"
    assert sentence(reason) == expected
    assert reason.available == 4_400_000
    assert response_code(Outcome.DECLINED, (reason,)) == "61"
    cents = msgspec.structs.replace(reason, held=600_001)
    assert "Current: $6,000.01," in sentence(cents)


def test_a_position_reads_as_it_is_written() -> None:
    assert Position.parse(str(Position(3, 1042))) == Position(3, 1042)
    for text in ("", "3", "3:", "a:b", "-1:2", "3:1042 ", "3:٣"):
        with pytest.raises(ValueError, match="partition:seq"):
            Position.parse(text)


@given(st.binary(max_size=64))
def test_murmur2_is_kafkas(key: bytes) -> None:
    from aiokafka.partitioner import murmur2 as reference

    assert murmur2(key) == reference(key) & 0xFFFFFFFF
    assert 0 <= partition_of(key, 7) < 7
