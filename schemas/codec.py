"""Bytes to types and back. The only place that knows that a topic's value is JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from schemas.card_numbers import masked
from schemas.decisions import DECISION_VERSION, GENESIS_HASH, Decision
from schemas.entrance import EVENT_BYTES_MAX, YEARS, NoEvent, check_members, check_texts, cut_moments
from schemas.event import EVENT_VERSION, MERCHANT_FORM
from schemas.events import EVENT_TYPES, CardEvent, Event
from schemas.reasons import ReasonCode

_TYPES = [str(cls.__struct_config__.tag) for cls in EVENT_TYPES]
_HASH_BYTES = len(',"hash":""}') + 64

_WITH_MERCHANT = frozenset(cls for cls in EVENT_TYPES if "merchant" in cls.__struct_fields__)

_WITH_MOMENTS = frozenset(cls for cls in EVENT_TYPES if "ends_at" in cls.__struct_fields__)

_encoder = msgspec.json.Encoder()
_event_decoder: msgspec.json.Decoder[CardEvent] = msgspec.json.Decoder(CardEvent)
_decision_decoder = msgspec.json.Decoder(Decision)


class UndecodableEvent(ValueError):
    """A record that is no card event. Theirs, not ours: it is dead-lettered and the stream goes on."""

    def __init__(self, code: ReasonCode, detail: str) -> None:
        # It may tell what was found, and a card number must not go on into decisions.
        self.detail = masked(detail)
        super().__init__(f"{code.value}: {self.detail}")
        self.code = code


class UnknownVersion(msgspec.DecodeError):
    """A decision of a version that this program does not know: it must not guess what that did."""


class BrokenChain(ValueError):
    """A decision's hash does not follow from its bytes, or does not continue the one before."""


def encode_event(event: Event) -> bytes:
    """The event as it stands on the card events topic: JSON, UTF-8."""
    return _encoder.encode(event)


def decode_event(value: bytes) -> CardEvent:
    """The event in a record's value.

    Raises:
        UndecodableEvent: with the reason and the path of the member at fault.
    """
    if len(value) > EVENT_BYTES_MAX:
        detail = f"an event has at most {EVENT_BYTES_MAX} bytes, this one {len(value)}"
        raise UndecodableEvent(ReasonCode.INVALID_EVENT, detail)
    try:
        event = _event_decoder.decode(value)
        again = _encoder.encode(event)
        # Written as we write it, which is what the API sends: then nothing was dropped, doubled or rounded.
        if again != value:
            check_members(value, again)
            cut = cut_moments(value)
            if cut is not value:
                event = _event_decoder.decode(cut)
        check_texts(value)
    except NoEvent as error:
        raise UndecodableEvent(ReasonCode.INVALID_EVENT, str(error)[:300]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _explain(value, error) from None
    if type(event) in _WITH_MERCHANT and (merchant := event.merchant) and not merchant.well_formed:
        raise UndecodableEvent(ReasonCode.INVALID_EVENT, f"merchant: {MERCHANT_FORM}")
    if type(event) in _WITH_MOMENTS:
        for name in ("starts_at", "ends_at"):
            moment = getattr(event, name)
            if moment is not None and moment.year not in YEARS:
                detail = f"{name}: must be in the years {YEARS.start} to {YEARS[-1]}"
                raise UndecodableEvent(ReasonCode.INVALID_EVENT, detail)
    return event


def _explain(value: bytes, error: Exception) -> UndecodableEvent:
    """Find out, off the hot path, which kind of broken this is."""
    try:
        raw = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        return UndecodableEvent(ReasonCode.UNDECODABLE, str(broken)[:300])
    if not isinstance(raw, dict):
        return UndecodableEvent(ReasonCode.INVALID_EVENT, f"expected an object, got {type(raw).__name__}")
    if raw.get("type") not in _TYPES:
        return UndecodableEvent(ReasonCode.UNKNOWN_TYPE, f"type is {str(raw.get('type'))[:60]!r}")
    if raw.get("version", EVENT_VERSION) != EVENT_VERSION:
        return UndecodableEvent(ReasonCode.UNSUPPORTED_VERSION, f"version is {str(raw['version'])[:60]!r}")
    return UndecodableEvent(ReasonCode.INVALID_EVENT, str(error)[:300])


def fingerprint(event: Event) -> str:
    """16 hex digits of the event's type and content, without its id and time: equal for a faithful repeat."""
    content, hasher = _CONTENT[type(event)]
    digest = hasher.copy()
    digest.update(_encoder.encode(content(event)))
    hexadecimal: str = digest.hexdigest()
    return hexadecimal


def _content(cls: type[Event]) -> tuple[Callable[[Event], Any], Any]:
    content = attrgetter(*(name for name in cls.__struct_fields__ if name not in cls._not_content))
    return content, hashlib.blake2b(digest_size=8, key=str(cls.__struct_config__.tag).encode())


_CONTENT = {cls: _content(cls) for cls in EVENT_TYPES}


def seal_decision(decision: Decision) -> bytes:
    """The decision's record value. Sets the decision's own `hash`: a copy would cost 0.7 us.

    The hash is SHA-256 over the value without its last member, `hash`; `previous_hash` is inside, so
    each record vouches for all before it. Anyone can check it with a text editor and `sha256sum`.
    """
    body = _encoder.encode(decision)
    digest = hashlib.sha256(body).hexdigest()
    msgspec.structs.force_setattr(decision, "hash", digest)
    return b"".join((body[:-1], b',"hash":"', digest.encode(), b'"}'))


def decode_decision(value: bytes) -> Decision:
    """The decision in a record's value. Does not check the hash.

    Raises:
        UnknownVersion: it is of another version, whatever else is in it.
        msgspec.DecodeError: it is no decision.
    """
    try:
        return _decision_decoder.decode(value)
    except msgspec.ValidationError:
        _check_version(value)
        raise


class _Head(msgspec.Struct):
    partition: Any = "?"
    seq: Any = "?"
    version: Any = DECISION_VERSION


def _check_version(value: bytes) -> None:
    """Raises UnknownVersion; off the hot path, since a decision of ours is read without it."""
    try:
        head = msgspec.json.decode(value, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # damaged before anything else: the first error says so
    if type(head.version) is int and head.version == DECISION_VERSION:
        return
    raise UnknownVersion(
        f"decision {str(head.partition)[:20]}:{str(head.seq)[:20]} is of version {str(head.version)[:20]!r}; "
        f"this program reads version {DECISION_VERSION}. Run the release that wrote it, or a later one"
    )


def check_seal(value: bytes, decision: Decision, previous_hash: str = GENESIS_HASH) -> None:
    """Raises BrokenChain unless `value` hashes to its own hash and continues `previous_hash`."""
    body = value[:-_HASH_BYTES] + b"}"
    if hashlib.sha256(body).hexdigest() != decision.hash:
        raise BrokenChain(
            f"decision {decision.position}: its bytes do not match its hash {decision.hash[:12]}"
        )
    if decision.previous_hash != previous_hash:
        raise BrokenChain(
            f"decision {decision.position}: follows {decision.previous_hash[:12]}, "
            f"but the decision before has {previous_hash[:12]}"
        )


def to_builtins(value: object) -> Any:
    """Plain dicts, lists and strings of a struct, as JSON would have them."""
    return msgspec.to_builtins(value)
