"""Which words an event line may have: its verb, what follows the verb, and the options of each verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from infra.stories import values
from infra.stories.story import Said
from infra.stories.tokens import WordReader
from schemas.controls import CardStatus
from schemas.event import EntryMode, LabelSource

Need = Literal["needed", "optional", "no"]
Option = Callable[[WordReader, Said], None]


@dataclass(frozen=True, slots=True)
class Verb:
    """`id`: what the first word is; None: there is none. `means`: the event, in words."""

    means: str
    id: str | None
    options: frozenset[str] = frozenset()
    id_need: Need = "needed"
    money: Need = "no"


def _text(member: str, expected: str) -> Option:
    def read(reader: WordReader, said: Said) -> None:
        setattr(said, member, reader.text(expected))

    return read


def _flag(member: str, *more: str) -> Option:
    def read(reader: WordReader, said: Said) -> None:
        reader.need(*more)
        setattr(said, member, True)

    return read


def _one_of(member: str, options: tuple[str, ...], expected: str) -> Option:
    def read(reader: WordReader, said: Said) -> None:
        setattr(said, member, reader.one_of(options, expected))

    return read


def _set(member: str, value: str) -> Option:
    def read(_: WordReader, said: Said) -> None:
        setattr(said, member, value)

    return read


def _foreign(reader: WordReader, said: Said) -> None:
    said.foreign = values.money(reader)


def _tolerance(reader: WordReader, said: Said) -> None:
    said.tolerance = values.number(reader, "an amount of the budget's currency, such as 50.00")


def _each(reader: WordReader, said: Said) -> None:
    said.period = reader.one_of(values.PERIODS, "a period")  # type: ignore[assignment]  # it is one of them


def _start(reader: WordReader, said: Said) -> None:
    said.start = values.start(reader)


def _from(reader: WordReader, said: Said) -> None:
    said.starts_at = values.when(reader)


def _until(reader: WordReader, said: Said) -> None:
    said.ends_at = values.when(reader)


def _expires(reader: WordReader, said: Said) -> None:
    said.expires_on = values.day(reader)


def _locked(reader: WordReader, said: Said) -> None:
    reader.need("to")
    said.locked_to = reader.text("a merchant")


def _departments(reader: WordReader, said: Said) -> None:
    said.departments = values.text_list(reader, "departments, such as eng,sales")


def _wrong(reader: WordReader, said: Said) -> None:
    reader.need("partition")
    said.wrong_partition = True


OPTIONS: Final[Mapping[str, Option]] = {
    "at": _text("merchant", "a merchant's name"),
    "merchant-id": _text("merchant_id", "a merchant's id"),
    "mcc": _text("mcc", "a merchant category code"),
    "country": _text("country", "a country, such as DE"),
    "entry": _one_of("entry", get_args(EntryMode), "how the card was read"),
    "card": _text("card", "a card"),
    "by": _text("person", "who it is"),
    "partial": _flag("partial"),
    "damaged": _flag("damaged"),
    "declined": _flag("declined"),
    "timeout": _flag("timeout"),
    "provisional": _flag("provisional"),
    "foreign": _foreign,
    "rate": _text("rate", "a rate, such as 1.10"),
    "of": _text("of", "a payment, a budget's id or LEVEL:SUBJECT, or the name of a request's line"),
    "posting": _text("of", "the name of the line that posted it"),
    "because": _text("reason", "a text"),
    "to": _text("delegate", "who answers meanwhile"),
    "won": _set("outcome", "won"),
    "lost": _set("outcome", "lost"),
    "withdrawn": _set("outcome", "withdrawn"),
    "fraud": _set("verdict", "fraud"),
    "legitimate": _set("verdict", "legitimate"),
    "unsure": _set("verdict", "unsure"),
    "source": _one_of("source", get_args(LabelSource), "who found it out"),
    "named": _text("named", "a name"),
    "shard-of": _text("of", "the department that lends to it"),
    "id": _text("own_id", "an id"),
    "tolerance": _tolerance,
    "each": _each,
    "lifetime": _set("period", "lifetime"),
    "zone": _text("zone", "a time zone, such as Europe/Berlin"),
    "start": _start,
    "from": _from,
    "until": _until,
    "employee": _text("employee", "who has the card"),
    "team": _text("team", "a team"),
    "expires": _expires,
    "single-use": _flag("single_use"),
    "locked": _locked,
    "lock-to-first": _flag("lock_to_first"),
    "status": _one_of("status", get_args(CardStatus), "a card's status"),
    "draft": _flag("draft"),
    "for": _departments,
    "into": _departments,
    "period": _text("label", "a period's label, such as 2026-11"),
    # of every line
    "key": _text("key", "a record key"),
    "no-key": _flag("without_key"),
    "wrong": _wrong,
    "reusing": _text("reusing", "the name of the line whose event id it has"),
}

_MERCHANT: Final = ("at", "merchant-id", "mcc", "country")
_FOREIGN: Final = ("foreign", "rate")
_CALENDAR: Final = ("each", "lifetime", "zone", "start")
EVERYWHERE: Final = frozenset(("key", "no-key", "wrong", "reusing"))


def _options(*names: str) -> frozenset[str]:
    unknown = set(names) - OPTIONS.keys()
    assert not unknown, unknown
    return frozenset(names)


VERBS: Final[Mapping[str, Verb]] = {
    "request": Verb(
        "authorization.requested",
        "a payment, such as A1",
        _options(*_MERCHANT, *_FOREIGN, "entry", "card", "by", "partial"),
        money="needed",
    ),
    "increment": Verb(
        "authorization.incremented",
        "a payment, such as A1",
        _options(*_MERCHANT, *_FOREIGN, "entry", "card"),
        money="needed",
    ),
    "advise": Verb(
        "authorization.advised",
        "a payment, such as A1",
        _options(*_MERCHANT, *_FOREIGN, "card", "by", "declined"),
        money="needed",
    ),
    "reverse": Verb(
        "authorization.reversed", "a payment, such as A1", _options("timeout", "of"), money="optional"
    ),
    "expire": Verb("authorization.expired", "a payment, such as A1"),
    "clear": Verb(
        "clearing.presented, the last one",
        "a payment, such as A1",
        _options(*_MERCHANT, *_FOREIGN, "card"),
        money="needed",
    ),
    "part": Verb(
        "clearing.presented, more may come",
        "a payment, such as A1",
        _options(*_MERCHANT, *_FOREIGN, "card"),
        money="needed",
    ),
    "refund": Verb(
        "refund.presented",
        "a payment, such as A1",
        _options(*_MERCHANT, *_FOREIGN, "card", "id"),
        id_need="optional",
        money="needed",
    ),
    "refund-reverse": Verb("refund.reversed", "a refund, such as R1", money="optional"),
    "dispute": Verb("dispute.opened", "a dispute, such as D1", _options("of", "provisional"), money="needed"),
    "resolve": Verb("dispute.resolved", "a dispute, such as D1", _options("won", "lost", "withdrawn")),
    "label": Verb(
        "authorization.labelled",
        "a payment, such as A1",
        _options("fraud", "legitimate", "unsure", "source", "by"),
    ),
    "verify": Verb("verification.requested", "a card, such as card-1", _options(*_MERCHANT, "entry", "by")),
    "inquire": Verb("balance.inquired", "a card, such as card-1", _options("by")),
    "tick": Verb("clock.ticked", None),
    "budget": Verb(
        "budget.set",
        "a department, or a level and its subject such as team:platform",
        _options(*_CALENDAR, "tolerance", "named", "id", "shard-of", "by"),
        money="needed",
    ),
    "remove": Verb("budget.removed", "a budget's id", _options("by")),
    "increase": Verb(
        "budget.increased",
        "a budget's id",
        _options("from", "until", "by"),
        id_need="optional",
        money="needed",
    ),
    "request-increase": Verb(
        "increase.requested",
        "a request, such as Q1",
        _options("of", "from", "until", "because", "by"),
        money="needed",
    ),
    "request-card": Verb(
        "card.requested",
        "a request, such as Q1",
        _options(
            *("card", "employee", "team", "expires", "single-use", "locked", "lock-to-first", "status"),
            *("each", "lifetime", "zone", "because", "by"),
        ),
        money="needed",
    ),
    "request-budget": Verb(
        "budget.requested",
        "a request, such as Q1",
        _options(*_CALENDAR, "of", "tolerance", "named", "id", "because", "by"),
        money="needed",
    ),
    "approve": Verb("request.approved", "a request, such as Q1", _options("by")),
    "refuse": Verb("request.refused", "a request, such as Q1", _options("because", "by")),
    "delegate": Verb("delegation.set", "who is away", _options("to", "from", "until", "by")),
    "end-delegation": Verb("delegation.ended", "who is back", _options("by")),
    "approve-increase": Verb("increase.approved", "a request, such as Q1", _options("by")),
    "refuse-increase": Verb("increase.refused", "a request, such as Q1", _options("because", "by")),
    "policy": Verb("policy.drafted, its rules on the lines below", None, _options("draft", "by")),
    "activate": Verb("policy.activated", "a version's number", _options("by")),
    "publish": Verb("model.published", "a version's number", _options("damaged", "by")),
    "card": Verb(
        "card.set",
        "a card, such as card-1",
        _options(
            *("employee", "team", "expires", "single-use", "locked", "lock-to-first", "status", "by"),
        ),
    ),
    "freeze": Verb("card.frozen", "a card, such as card-1", _options("by")),
    "unfreeze": Verb("card.unfrozen", "a card, such as card-1", _options("by")),
    "cancel": Verb("card.canceled", "a card, such as card-1", _options("by")),
    "correct": Verb("posting.reversed", "a payment, such as A1", _options("posting", "because", "by")),
    "cap": Verb("cap.set", None, _options(*_CALENDAR, "for", "by"), money="needed"),
    "split": Verb("department.split", None, _options("into", "by")),
    "lease-request": Verb("lease.requested", "a department", _options("period"), money="needed"),
    "lease-return": Verb("lease.returned", "a department", _options("period"), money="needed"),
    "lease-grant": Verb("lease.granted", None, _options(*_CALENDAR, "period", "of"), money="needed"),
    "lease-recall": Verb("lease.recalled", None, _options("period")),
    "again": Verb("an earlier line once more", "the name of an earlier line"),
    "reuse": Verb(
        "an earlier line's event with another amount", "the name of an earlier line", money="needed"
    ),
    "raw": Verb("a record as it is", None),
}
