"""Card numbers over Kafka: rejected and masked, or taken where the setting says so."""

from __future__ import annotations

import pytest

from schemas.card_numbers import has_card_number
from schemas.codec import encode_event
from schemas.reasons import Outcome
from streams.core.intake import Record, judge, without_card_numbers
from streams.core.state import PartitionState
from streams.model import Unscored
from tests.streams.events import DEPARTMENTS, request

NUMBERS = (
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111.1111.1111.1111",
    "\uff14111\u00a01111\u20131111 1111",
)
EVENT = request(1, DEPARTMENTS[0])
GOOD = encode_event(EVENT)
# The outcome of a good event where there is no budget: nothing of it is looked at before that.
TAKEN = ("unknown_department", "wrong_partition")


def _judged(value: bytes, key: bytes | None = None, *, refused: bool = True) -> tuple[str, str, Record]:
    record = Record(0, EVENT.occurred_at, key or EVENT.key.encode(), value)
    decision = judge(PartitionState(0), record, 1, Unscored(), card_numbers_refused=refused)
    assert decision.outcome is Outcome.REJECTED
    return decision.reasons[0].code.value, decision.reasons[0].detail or "", without_card_numbers(record)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("member", [b'"card_id":"', b'"event_id":"', b'"name":"', b'"authorization_id":"'])
def test_an_event_with_a_card_number_is_rejected_and_masked(member: bytes, number: str) -> None:
    value = GOOD.replace(member, member + number.encode() + b" ")
    code, detail, kept = _judged(value)
    assert code == "card_number"
    assert member.strip(b'":').decode() in detail
    assert not has_card_number(detail)
    assert kept.value is not None
    assert not has_card_number(kept.value.decode())
    assert kept.value.endswith(value[-40:])
    assert _judged(value, refused=False)[0] in TAKEN


@pytest.mark.parametrize("number", NUMBERS)
def test_neither_key_nor_detail_keeps_a_card_number(number: str) -> None:
    name = number.encode()
    for value, key in (
        (GOOD, name),
        (b"{ " + name, name),
        (GOOD.replace(b'"type":"', b'"type":"' + name), name),
    ):
        _, detail, kept = _judged(value, key)
        assert not has_card_number(detail)
        assert kept.key is not None
        assert kept.value is not None
        assert not has_card_number(kept.key.decode())
        assert not has_card_number(kept.value.decode())


def test_what_has_none_is_kept_byte_for_byte() -> None:
    for value in (GOOD, b"\xff\xfe{", b'{"type":"no.such","id":"53033190-7660-45b1-99e1-7b552e94525c"}'):
        assert _judged(value)[2].value == value
    assert _judged(GOOD)[0] in TAKEN
