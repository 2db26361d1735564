"""What is a card number, in every writing, and what only looks like one."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from schemas.card_numbers import has_card_number, in_json, masked, masked_bytes

# Published test numbers where there are some, else a prefix of the brand that is filled up.
PREFIXES = {
    "visa": (("4", 13), ("4", 16), ("4", 19)),
    "mastercard": (("51", 16), ("55", 16), ("2221", 16), ("2500", 16), ("2720", 16)),
    "amex": (("34", 15), ("37", 15)),
    "discover": (("6011", 16), ("644", 16), ("649", 19), ("65", 16)),
    "diners": (("300", 14), ("305", 14), ("36", 14), ("38", 14), ("39", 16)),
    "jcb": (("3528", 16), ("3589", 16), ("3530", 19)),
    "unionpay": (("62", 16), ("62", 17), ("62", 18), ("62", 19)),
    "maestro": (("5018", 13), ("6759", 16), ("50", 16), ("56", 19), ("58", 18), ("6304", 12 + 1)),
    "others": (("2200", 16), ("9792", 16), ("6076", 16), ("81", 16)),
}
KNOWN = (
    "4111111111111111 4222222222222 4012888888881881 5555555555554444 5105105105105100 2223003122003222 "
    "378282246310005 371449635398431 6011111111111117 6011000990139424 30569309025904 38520000023237 "
    "3530111333300000 3566002020360505 6200000000000005 6759649826438453 5200828282828210"
)


def _fours(digits: str) -> list[str]:
    return [digits[at : at + 4] for at in range(0, len(digits), 4)]


def _script(zero: int) -> Callable[[str], str]:
    return lambda digits: "".join(chr(zero + int(digit)) for digit in digits)


SEPARATORS: tuple[str, ...] = (
    " ",
    "  ",
    "\u00a0",
    "\u2009",
    "\u202f",
    "\u3000",
    ".",
    "-",
    "_",
    "\u2013",
    "\u2011",
    " - ",
    "\u200b",
)
SEPARATORS += ("\t", "/", "\u00b7", "\u2060", "\u00ad", "\uff0d", "\uff0e")
# Forms, URLs, lists, columns: where groups are those that are embossed.
EMBOSSED = (
    "+",
    "*",
    ",",
    ", ",
    "|",
    " | ",
    "~",
    "'",
    "#",
    "    ",
    "%20",
    "%2D",
    "%2d",
    "%2B",
    "%C2%A0",
    "%09",
)
WRITINGS: dict[str, Callable[[str], str]] = {
    "bare": str,
    **{f"by {separator!r}": lambda d, s=separator: s.join(_fours(d)) for separator in SEPARATORS},  # type: ignore[misc]
    "full width": _script(0xFF10),
    "arabic": _script(0x0660),
    "devanagari": _script(0x0966),
    "mathematical": _script(0x1D7CE),
    "each digit apart": lambda digits: " ".join(digits),
    "4-6-5": lambda digits: f"{digits[:4]} {digits[4:10]} {digits[10:]}",
    "mixed": lambda digits: f"{digits[:4]} {digits[4:8]}-{digits[8:]}",
    "in a sentence": lambda digits: f"Card no. 1: {digits}, valid 12/28",
    "after a number": lambda digits: f"7 {digits}",
    "before a number": lambda digits: f"{digits} 12 2028",
    "in an id": lambda digits: f"card_{digits}",
    "with a UUID": lambda digits: f"f31aeb00-4982-4407-8941-965096ee86ef/{digits}",
    "after a word without spaces": lambda digits: f"卡号{digits}",
}


def _filled(prefix: str, length: int, source: random.Random) -> str:
    body = prefix + "".join(source.choices("0123456789", k=length - len(prefix) - 1))
    return next(body + last for last in "0123456789" if _passes(body + last))


def _passes(digits: str) -> bool:
    """The Luhn check, once more and as its standard words it."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("brand", PREFIXES)
def test_every_brand_is_found_in_every_writing(brand: str, writing: str) -> None:
    source = random.Random(f"{brand} {writing}")
    numbers = [_filled(prefix, length, source) for prefix, length in PREFIXES[brand] for _ in range(10)]
    for digits in numbers:
        text = WRITINGS[writing](digits)
        assert has_card_number(text), text
        assert not has_card_number(masked(text))
        for escaped in (True, False):
            value = json.dumps({"a": [{"card_id": text}]}, ensure_ascii=escaped).encode()
            assert in_json(value) == ("a", "0", "card_id"), value
            assert in_json(masked_bytes(value)) is None


@pytest.mark.parametrize("separator", EMBOSSED)
@pytest.mark.parametrize("digits", KNOWN.split())
def test_embossed_groups_are_found_with_nearly_any_separator(digits: str, separator: str) -> None:
    groups = _fours(digits) if len(digits) in (16, 19) else [digits[:4], digits[4:10], digits[10:]]
    if len(digits) == 13:
        groups = _fours(digits)
    text = f"https://shop.example/pay?pan={separator.join(groups)}&cvv=123"
    assert has_card_number(text)
    assert masked(text).endswith(f"{digits[-4:] if len(groups[-1]) > 3 else groups[-1]}&cvv=123")
    assert not has_card_number(masked(text))
    value = json.dumps({"merchant": {"name": text}}).encode()
    assert in_json(value) == ("merchant", "name")
    assert in_json(masked_bytes(value)) is None


@pytest.mark.parametrize(
    "text",
    [
        "%B4111111111111111^DOE/JOHN^28121010000000000000?",
        ";4111111111111111=28121010000000000000?",
        "%B378282246310005^DOE/JOHN^2812",
        "%B5555555555554444^",
        ";5555555555554444=2812",
    ],
)
def test_a_magnetic_stripe_holds_a_card_number(text: str) -> None:
    assert has_card_number(text)
    assert in_json(json.dumps({"a": text}).encode()) == ("a",)


@pytest.mark.parametrize("digits", KNOWN.split())
def test_a_number_of_json_may_be_a_card_number_but_for_amounts(digits: str) -> None:
    for written in (digits, f"{digits}.0", f"-{digits}"):
        assert in_json(f'{{"card":{{"pan":{written}}}}}'.encode()) == ("card", "pan")
        assert in_json(f'{{"a":[1,{written}]}}'.encode()) == ("a", "1")
    assert in_json(f'{{"amount":{{"minor":{digits}}},"rules":[{{"amount":{digits}}}]}}'.encode()) is None
    assert in_json(b'{"at":1764302400007,"n":1764302400007000,"x":1e300,"y":4e15,"z":true}') is None


@pytest.mark.parametrize("digits", KNOWN.split())
def test_published_numbers_are_found_and_masked_but_for_the_last_four(digits: str) -> None:
    assert masked(f"x {digits} y") == f"x {'*' * (len(digits) - 4)}{digits[-4:]} y"


@pytest.mark.parametrize(
    "text",
    [
        "f31aeb00-4982-4407-8941-965096ee86ef",
        "53033190-7660-45b1-99e1-7b552e94525c",
        "41111111-1111-1111-8a11-111111111111",  # a UUID, though sixteen of its digits are a Visa number
        "PARKING TICKET 20261128000001",
        "REQ-1764302400007",
        "1764302400007",
        "1764302400007000",
        "1764302400007000000",
        "2026-11-28T12:30:00.123456789Z",
        "2026-11-28 12:30:00.123456",
        "20261128123456789",
        "01JDQ41111111111111111ABCD",  # a ULID
        "4111111111111112",  # fails the check
        "1111111111111117",  # no issuer
        "411111111111111",  # no Visa number has 15 digits
        "41111111111111114111111111111111",  # 32 digits
        "a4111111111111111f",
        "4111,1111,1111,1112",  # fails the check
        "4111*1111|1111*1111",  # a list of lists
        "14111,1111,1111,1111",
        "4111,1111,1111,11110",
        "100% wool, 4111 1111",
        "B4111111111111111X",
        "4 111 111 111 111 111",
        "4.111.111.111.111.111,00",
        "4,111,111,111,111,111.00",
        "45 111 111 111 111.11",
        "12.345.678.901.234.567",
        "+49 30 1234 5678",
        "4111 1111",
        "",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert not has_card_number(text)
    assert masked(text) == text
    assert masked_bytes(text.encode()) == text.encode()


def test_of_300_000_random_tokens_and_times_none_is_a_card_number() -> None:
    source = random.Random(20261128)
    # Microseconds since 1970 have 16 digits, and from 2039 on begin like Mir and Mastercard.
    begin, span_s = datetime(2000, 1, 1, tzinfo=UTC), 35 * 365 * 86_400
    wrong: list[str] = []
    for _ in range(100_000):
        at = begin + timedelta(seconds=source.randrange(span_s), microseconds=source.randrange(10**6))
        since = int(at.timestamp() * 1_000_000)
        texts = (
            str(uuid.UUID(int=source.getrandbits(128), version=4)),
            f"{source.getrandbits(128):032x}",
            source.choice(
                (
                    at.isoformat(),
                    f"{at:%Y%m%d%H%M%S%f}",
                    f"{at:%Y-%m-%d %H.%M.%S}",
                    f"{since}",
                    f"{since // 1000}",
                )
            ),
        )
        wrong += filter(has_card_number, texts)
    assert wrong == []


def test_acceptors_of_15_digits_and_rates_are_none() -> None:
    """ISO 8583 field 42 has 15 characters; a rate may have as many decimals."""
    amex, visa = "371449635398431", "4111111111111111"
    for member in ("id", "locked_to", "merchants"):
        assert in_json(json.dumps({member: amex}).encode()) is None
        assert in_json(json.dumps({member: [visa]}).encode()) == (member, "0")
    assert in_json(json.dumps({"name": amex}).encode()) == ("name",)
    assert in_json(b'{"rate":"4.111111111111111"}') is None
    assert in_json(b'{"rate":"4111111111111111"}') == ("rate",)
    assert in_json(b'{"x":{"4111 1111 1111 1111":1}}') == ("x",)
    assert in_json(rb'{"a":"4111\/1111\/1111\/1111"}') == ("a",)


def test_bytes_that_are_no_json_are_masked_too() -> None:
    assert masked_bytes(b"\xff{ 4111 1111 1111 1111") == b"\xff{ **** **** **** 1111"
    assert masked_bytes(b'{"card_id":4111111111111111}') == b'{"card_id":************1111}'
    odd = b'\xff\xfe "1764302400007" \\u00fc'
    assert masked_bytes(odd) is odd
