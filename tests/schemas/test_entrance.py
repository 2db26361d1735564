"""What may enter is the same over REST and over Kafka: each text goes through both readers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from api.http.members import converted, read_object
from api.http.problems import Problem
from api.http.types import Moment
from schemas.codec import UndecodableEvent, decode_event, encode_event
from schemas.entrance import EVENT_BYTES_MAX
from schemas.events import BudgetIncreased, CardEvent
from tests.schemas.test_schemas import REQUEST

_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
LAST = datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC)
INCREASE: dict[str, Any] = {
    "type": "budget.increased",
    "event_id": "e",
    "organization_id": "techcorp",
    "department_id": "eng",
    "occurred_at": "2026-10-01T00:00:00Z",
    "amount": {"minor": 1, "currency": "USD"},
    "ends_at": "2026-12-01T00:00:00Z",
}


def over_kafka(text: str) -> datetime | None:
    try:
        event = decode_event(json.dumps({**INCREASE, "ends_at": text}).encode())
    except UndecodableEvent:
        return None
    assert isinstance(event, BudgetIncreased)
    return event.ends_at


def over_rest(text: str) -> tuple[datetime | None, datetime | None]:
    """By the two readers of the API: that of its models, and that of all events."""
    try:
        modelled = _MOMENT.validate_python(text)
    except ValidationError:
        modelled = None
    try:
        raw = read_object(json.dumps({**INCREASE, "ends_at": text}).encode())
        event = converted(raw, CardEvent, raw)
    except Problem:
        return modelled, None
    return modelled, event.ends_at


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-31T23:59:59.999999999Z", LAST),
        ("2026-10-31T23:59:59.9999999Z", LAST),
        ("2026-10-31T23:59:59.99999950Z", LAST),
        ("2026-10-31T23:59:59.999999Z", LAST),
        ("2026-11-01T01:59:59.999999999+02:00", LAST),
        ("2026-10-31 23:59:59.9999999999999999999999Z", LAST),
        ("2026-10-31t23:59:59.999999999z", LAST),
        ("2026-10-31T23:59:59.0000009Z", LAST.replace(microsecond=0)),
        ("2026-10-31T23:59:59.5Z", LAST.replace(microsecond=500_000)),
        ("2026-10-31T23:59:59-00:00", LAST.replace(microsecond=0)),
        ("2026-10-31T23:59:59+0000", LAST.replace(microsecond=0)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("2100-12-31T23:59:59Z", datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_the_same_at_every_entrance(text: str, moment: datetime) -> None:
    assert (over_kafka(text), *over_rest(text)) == (moment, moment, moment)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-31T24:00:00Z",
        "2026-10-31T23:59:60Z",
        "2026-10-31T23:59:60.999999999Z",
        "2026-10-31T23:59:59+24:00",
        "2026-10-31T23:59:59+23:60",
        "2026-10-31T23:59:59+00",
        "2026-10-31T23:59:59",
        "2026-10-31T23:59:59.999999999",
        "2026-10-31T23:59Z",
        "2026-10-31T23:59:59,5Z",
        "2026-10-31T23:59:59.Z",
        "2026-10-31_23:59:59Z",
        "2026-10-31",
        "20261031T235959Z",
        "2026-W44-6T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-10-31T23:59:59Z ",
        "2026-10-31T23:59:59UTC",
        "+2026-10-31T23:59:59Z",
        "\uff12026-10-31T23:59:59Z",
        "1999-12-31T23:59:59Z",
        "2101-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "0000-01-01T00:00:00Z",
        "1764302400",
        "1764302400.5",
        "-1",
        "now",
        "",
    ],
)
def test_no_moment_is_refused_at_every_entrance(text: str) -> None:
    assert (over_kafka(text), *over_rest(text)) == (None, None, None)


@given(st.integers(946_771_200, 4_133_894_400), st.text("0123456789", min_size=1, max_size=20))
def test_any_fraction_is_cut_at_every_entrance(second: int, fraction: str) -> None:
    whole = datetime.fromtimestamp(second, UTC).replace(microsecond=int(fraction.ljust(6, "0")[:6]))
    text = f"{whole:%Y-%m-%dT%H:%M:%S}.{fraction}Z"
    assert (over_kafka(text), *over_rest(text)) == (whole, whole, whole)


def test_only_moments_are_cut() -> None:
    name = "2026-10-31T23:59:59.123456789Z"
    event = decode_event(encode_event(REQUEST).replace(b'"a1"', f'"{name}"'.encode()))
    assert event.authorization_id == name


GOOD = encode_event(REQUEST)
TWICE = [
    (GOOD[:-1] + b',"card_id":"c1"}', "card_id"),
    (GOOD[:-1] + b',"card_id":"c2"}', "card_id"),
    (b'{"card_id":"c0",' + GOOD[1:], "card_id"),
    (GOOD.replace(b'"minor":', b'"minor":1,"minor":'), "minor"),
    (GOOD.replace(b'"minor":', b'"minor" : 1 , "minor"\n:'), "minor"),
    (GOOD.replace(b'"minor":', rb'"min\u006fr":1,"minor":'), "minor"),
    (GOOD.replace(b'"name":', b'"name":"B","name":'), "name"),
    (GOOD[:-1] + b',"type":"authorization.requested"}', "type"),
    (GOOD[:-1] + b',"x":1,"x":1}', "x"),
    (GOOD[:-1] + b',"x":[{"y":{"z":1,"z":2}}]}', "z"),
    (GOOD[:-1] + b',"rate":null,"cardholder":null,"amount":{"minor":5,"currency":"USD"}}', "amount"),
]


@pytest.mark.parametrize(("value", "name"), TWICE)
def test_a_member_that_stands_twice_is_refused_at_every_entrance(value: bytes, name: str) -> None:
    with pytest.raises(UndecodableEvent, match=f"{name}: stands twice") as over_kafka:
        decode_event(value)
    assert over_kafka.value.code == "invalid_event"
    with pytest.raises(Problem) as over_rest:
        read_object(value)
    assert [(error.field, error.code) for error in over_rest.value.errors] == [
        (f"body.{name}", "duplicate_member")
    ]


@given(
    st.dictionaries(
        st.text(max_size=5).map("x-".__add__), st.text(max_size=20) | st.none() | st.integers(), max_size=4
    ),
    st.booleans(),
    st.sampled_from([None, 1, "\t"]),
)
def test_however_it_is_written_an_event_is_the_same(more: dict[str, Any], ascii_: bool, indent: Any) -> None:
    """Unknown members are ignored, and other producers write spaces, escapes and nulls."""
    more = {name: value for name, value in more.items() if str(value).isprintable() and name.isprintable()}
    raw = {**json.loads(GOOD), "cardholder": None, "rate": None, **more}
    value = json.dumps(raw, ensure_ascii=ascii_, indent=indent).encode("utf-8")
    assert decode_event(value) == REQUEST


@pytest.mark.parametrize(
    "written", [rb"\u0000", rb"\n", rb"\t", rb"\u001b[2J", rb"\u007f", b"\x7f", b"\xc2\x85", rb"\u009f"]
)
@pytest.mark.parametrize("where", [b"ACME", b"c1", b"e1"])
def test_control_characters_are_refused(where: bytes, written: bytes) -> None:
    with pytest.raises(UndecodableEvent, match="control characters"):
        decode_event(GOOD.replace(b'"' + where, b'"' + written + where))


@pytest.mark.parametrize(
    "text",
    ["Caf\u00e9", "\u00a9 \u00b0 \u00a0x", "a\\b", 'say "x"', "\u5317\u4eac", "\U0001f355", "a/b", "\\u0000"],
)
@pytest.mark.parametrize("ascii_", [True, False])
def test_all_other_characters_are_taken(text: str, ascii_: bool) -> None:
    raw = json.loads(GOOD)
    raw["merchant"]["name"] = text
    event = decode_event(json.dumps(raw, ensure_ascii=ascii_).encode())
    assert event.merchant.name == text  # type: ignore[union-attr]


def _read_over_rest(value: bytes) -> CardEvent:
    raw = read_object(value)
    event: CardEvent = converted(raw, CardEvent, raw)
    return event


@pytest.mark.parametrize(
    "number",
    [
        b"NaN",
        b"Infinity",
        b"1e3",
        b"1.0",
        b"9223372036854775808",
        b"1" + b"0" * 400,
        b"-1",
        b"01",
        b"+1",
        b"true",
    ],
)
def test_no_amount_is_refused_at_every_entrance(number: bytes) -> None:
    value = GOOD.replace(b"600000", number)
    with pytest.raises(UndecodableEvent):
        decode_event(value)
    with pytest.raises(Problem):
        _read_over_rest(value)


def test_an_event_has_a_size() -> None:
    padding = b" " * (EVENT_BYTES_MAX - len(GOOD))
    assert decode_event(GOOD + padding) == REQUEST
    with pytest.raises(UndecodableEvent, match=f"at most {EVENT_BYTES_MAX} bytes"):
        decode_event(GOOD + padding + b" ")
