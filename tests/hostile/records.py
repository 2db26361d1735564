"""Records that are no event, or only nearly: bytes as a stranger's producer might write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from schemas.codec import encode_event
from schemas.entrance import EVENT_BYTES_MAX
from schemas.events import AuthorizationRequested
from tests.hostile.world import Department, Sent, World

# A record as large as the topic takes, less its key and its frame.
RECORD_BYTES = 1_048_000
# Compressed, far more passes a broker that takes a megabyte.
BLOWN_UP_BYTES = 8_000_000
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TIMES = (
    "1970-01-01T00:00:00Z",
    "1999-12-31T23:59:59.999999Z",
    "2000-01-01T00:00:00Z",
    "2000-01-01T00:00:00+23:59",
    "2026-03-29T02:30:00+01:00",
    "2026-10-25T02:30:00+02:00",
    "2026-06-30T23:59:60Z",
    "2026-06-30T24:00:00Z",
    "2026-02-29T00:00:00Z",
    "2100-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-06-30t12:00:00z",
    "2026-06-30 12:00:00Z",
    "2026-06-30T12:00:00",
    "2026-06-30T12:00:00." + "9" * 300 + "Z",
    "-2026-06-30T12:00:00Z",
    "1e9",
    "",
)
NUMBERS = (
    "0", "-1", "-0", "1.0", "1e2", "1E400", "-1e400", "NaN", "Infinity", "01", "+1", "0x10", "1_000", "true",
    "null", '"100"', "[]", "{}", str(10**15), str(10**15 + 1), str(2**53), str(2**63 - 1), str(2**63),
    str(2**64), "9" * 400, "9" * 5_000, "9" * 60_000, "0." + "3" * 60_000, "1e" + "9" * 300,
)  # fmt: skip
TEXTS = (
    "", "\x00", "\x1b[31m", "\x85", "\u200b" * 50, "\ud800", "\udfff\ud800", "\u202e", "\ufeff",
    "a\u0301" * 60, "\ufdfa" * 60, "x" * 129, "x" * 65_000, "\U0001f4b3" * 16_000, "../../etc/passwd",
    "'; DROP TABLE", "%00", "{{7*7}}",
)  # fmt: skip


def padded(base: bytes, length: int, filler: bytes = b"x") -> bytes:
    """The event with a member nobody knows, so that it has `length` bytes."""
    head, tail = base[:-1] + b',"x":"', b'"}'
    room = max(0, length - len(head) - len(tail))
    return head + (filler * (room // len(filler) + 1))[:room] + tail


def good(world: World, department: Department | None = None) -> tuple[bytes, bytes]:
    """Key and value of an event that is in order."""
    department = department or world.department()
    event = AuthorizationRequested(
        **world.common(department),
        authorization_id=world.new_payment(department),
        card_id=world.card(department),
        amount=world.amount(),
        merchant=world.merchant(),
    )
    return event.key.encode(), encode_event(event)


def large(world: World) -> Iterator[Sent]:
    """Just below and above what an event, a record and a batch may have."""
    key, base = good(world)
    filler = world.pick(
        (b"x", b"1-", b"4 ", b"4111 ", b"\\u0034", "\uff14".encode(), b"\xc2\xa3", b'\\"', b"\xff")
    )
    for length in (EVENT_BYTES_MAX - 1, EVENT_BYTES_MAX, EVENT_BYTES_MAX + 1):
        yield Sent("large event", key, padded(base, length, filler))
    yield Sent("large record", key, padded(base, RECORD_BYTES - 500, filler))
    yield Sent("large key", b"k" * world.pick((300, 65_536, RECORD_BYTES - 500)), b"{}")
    if world.chance(0.2):
        yield Sent("blown up value", key, padded(base, BLOWN_UP_BYTES, filler[:1]), codec="zstd")
        yield Sent("blown up key", filler * (3_000_000 // len(filler)), b"4" * 3_000_000, codec="zstd")


def headers(world: World) -> Iterator[Sent]:
    key, base = good(world)
    yield Sent("large headers", key, base, [(f"h{n}", b"\x00" * 900) for n in range(1_000)])
    yield Sent(
        "headers of one name", key, base, [("event_id", b"\xff"), ("event_id", b""), ("", b"x" * 65_536)]
    )


def codecs(world: World) -> Iterator[Sent]:
    for codec in CODECS:
        key, base = good(world)
        yield Sent(f"codec {codec}", key, base, codec=codec)


def aborted(world: World) -> Iterator[Sent]:
    """What a transactional producer sent and took back was never sent."""
    for n in range(4):
        key, base = good(world)
        yield Sent("aborted", key, base, aborted=n % 2 == 0)


def digits(world: World) -> Iterator[Sent]:
    """What looks like card numbers, by the thousand; a true one now and then."""
    key, base = good(world)
    length = world.pick((2_000, 30_000, EVENT_BYTES_MAX - 10))
    for filler in (
        b"4", b"4 ", b"1-", b"4111 ", b"4111-1111-", b"a4111111-4111-4111-4111-411111111111 ", b"%34%31",
        b"4*1*", b"11111111-1111-1111-1111-111111111111", b"4111 1111 1111 1112 ", b"3782 822463 10006, ",
        b"1,", b"4_1_1.", "4\u20e3".encode(), "\uff14\u2009".encode(), b"\\u0034\\u0031", b"\\t4",
        b"4111%2D", b"0.1 ",
    ):  # fmt: skip
        yield Sent("digits", key, padded(base, length, filler))
    yield Sent("card number", key, base.replace(b"Edeka", b"4111 1111 1111 1111"))
    yield Sent("digits alone", key, world.pick((b"4", b"4 ", b"1-", b"\\u0034")) * (RECORD_BYTES // 8))


def nested(world: World) -> Iterator[Sent]:
    """Deep, wide, doubled."""
    key, base = good(world)
    depth = world.pick((60, 400, 900, 30_000))
    room = (EVENT_BYTES_MAX - len(base)) // 2 - 20
    deep = min(depth, room)
    for left, right in ((b"[", b"]"), (b'{"a":', b"}")):
        few = min(deep, room // len(left))
        yield Sent("deep", key, left * few + b"1" + right * few)
        inside = b'"\xc2\xa3",' * ((2 * room - few * (len(left) + 1)) // 6) + b"1"
        if left == b"[":
            yield Sent("deep texts", key, base[:-1] + b',"x":' + left * few + inside + right * few + b"}")
            escaped = b'"","\\"",' * (len(inside) // 9) + b"1"
            yield Sent("deep escapes", key, base[:-1] + b',"x":' + left * few + escaped + right * few + b"}")
    members = b"".join(b',"%x":0' % n for n in range(7_000))
    yield Sent("wide", key, base[:-1] + members + b"}")
    yield Sent("doubled", key, base[:-1] + members + b',"1b57":1}')
    yield Sent("doubled", key, base[:-1] + b',"event_id":"again"}')
    yield Sent("doubled by an escape", key, base[:-1] + b',"event\\u005fid":"again"}')


def no_json(world: World) -> Iterator[Sent]:
    key, base = good(world)
    cut = world.rng.randrange(len(base))
    flipped = bytearray(base)
    flipped[cut] ^= 1 << world.rng.randrange(8)
    for value in (
        None, b"", b" ", b"null", b"0", b'""', b"[]", b"{}", b"\x00" * 100, b"\xef\xbb\xbf" + base, b"<xml/>",
        base.decode().encode("utf-16"), base[:cut], bytes(flipped), base * 2, base + b"\x00", b"\xff" + base,
        base.replace(b'"type"', b'"tpye"'), base[:-1] + b',"version":2}', base[:-1] + b',"version":1e400}',
        base.replace(b"authorization.requested", world.pick((b"", b"Event", b"lease.dreamt", b"x" * 60_000))),
        world.rng.randbytes(world.pick((1, 100, 10_000))),
    ):  # fmt: skip
        yield Sent("no json", key, value)
    for wrong in (
        None,
        b"",
        b"/",
        b"\xff",
        b"hostile",
        b"hostile/",
        key + b"\x00",
        key.upper(),
        b"other/department",
    ):
        yield Sent("wrong key", wrong, base)
        yield Sent("tombstone", wrong, None)


def members(world: World) -> Iterator[Sent]:
    """A good event with one member that is not."""
    department = world.departments[-1]
    key, base = good(world, department)
    whole: dict[str, Any] = json.loads(base)
    for number in (world.pick(NUMBERS) for _ in range(4)):
        minor = str(whole["amount"]["minor"]).encode()
        yield Sent("number", key, base.replace(b'"minor":' + minor, b'"minor":' + number.encode()))
    for time in (world.pick(TIMES) for _ in range(4)):
        yield Sent("time", key, json.dumps({**whole, "occurred_at": time}).encode())
    department.at = world.now  # one of them may have been taken, and time does not go back
    for text in (world.pick(TEXTS) for _ in range(4)):
        name = world.pick(("event_id", "authorization_id", "card_id", "organization_id", "type"))
        yield Sent("text", key, json.dumps({**whole, name: text}).encode())
        yield Sent("merchant", key, json.dumps({**whole, "merchant": {"name": text}}).encode())
    yield Sent("foreign", key, json.dumps({**whole, "rate": world.pick(TEXTS + NUMBERS)}).encode())


def repeats(world: World) -> Iterator[Sent]:
    """What was sent before, as it was."""
    for _ in range(20):
        if world.sent:
            yield world.pick(world.sent)._replace(kind="repeat")


RECORDS: tuple[tuple[float, Callable[[World], Iterator[Sent]]], ...] = (
    (2, large),
    (0.5, headers),
    (1, codecs),
    (1, aborted),
    (2, digits),
    (3, nested),
    (3, no_json),
    (5, members),
    (5, repeats),
)
