"""The right side of a line: what must be answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, get_args

from infra.stories import values
from infra.stories.story import BalanceWanted, Cause, Expected, ReliefWanted
from infra.stories.tokens import WordReader
from schemas.decisions import Alert
from schemas.reasons import Outcome, ReasonCode

OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)
ALERTS: Final[tuple[str, ...]] = get_args(Alert)
CODES: Final = tuple(code.value for code in ReasonCode)
_BALANCES: Final = ("available", "held", "posted", "limit")
_CAUSES: Final = ("reversal", "timeout", "clearing", "expiry", "advice")
_RELIEFS: Final = {
    "hold": "hold_expires",
    "period": "period_starts",
    "increase": "increase_starts",
}
# Outcomes whose reasons explain why something was not (wholly) done; elsewhere a code is a review.
_REASONED: Final = (Outcome.DECLINED, Outcome.PARTIALLY_APPROVED, Outcome.REJECTED)


def read_expected(reader: WordReader) -> Expected:
    """Raises StoryError where a word is no expectation."""
    expected = Expected(Outcome(reader.one_of(OUTCOMES, "an outcome")))
    if values.is_number(reader.peek()):
        # Of a decline the number is its response code, for nothing is approved: `declined 61`.
        if expected.outcome in (Outcome.DECLINED, Outcome.REJECTED):
            _code(reader, expected)
        else:
            expected.granted = values.number(reader)
    while reader.peek() is not None:
        word = reader.next("")
        if word.text in CODES:
            causes = expected.reasons if expected.outcome in _REASONED else expected.reviews
            causes.append(_cause(reader, word.text))
        elif word.text in ALERTS:
            expected.alerts.append(word.text)
        elif word.text in _BALANCES:
            expected.balances.append(_balance(reader, word.text))
        elif word.text in _ITEMS:
            _ITEMS[word.text](reader, expected)
        else:
            reader.fail(word, "a reason, an alert or another expectation", (*_ALL,))
    return expected


def _cause(reader: WordReader, code: str) -> Cause:
    return Cause(code, reader.text("the budget or rule that says so") if reader.skip("by") else None)


def _balance(reader: WordReader, what: str) -> BalanceWanted:
    budget = None
    if not values.is_number(reader.peek()):
        budget = reader.text("an amount, or a budget such as team:platform")
    return BalanceWanted(what, values.number(reader), budget)


def _code(reader: WordReader, expected: Expected) -> None:
    word = reader.next("an ISO 8583 response code, such as 61")
    if not (len(word.text) == 2 and values.is_whole(word.text)):
        reader.fail(word, "an ISO 8583 response code, such as 61")
    expected.code = word.text


def _review(reader: WordReader, expected: Expected) -> None:
    expected.reviews.append(_cause(reader, reader.one_of(CODES, "a reason's code")))


def _shadow(reader: WordReader, expected: Expected) -> None:
    expected.shadows.append(_cause(reader, reader.one_of(CODES, "a reason's code")))


def _duplicate(_: WordReader, expected: Expected) -> None:
    expected.duplicate = True


def _would(reader: WordReader, expected: Expected) -> None:
    reader.need("pass")
    expected.would_pass = values.number(reader)


def _later(reader: WordReader, expected: Expected) -> None:
    because = _RELIEFS[reader.one_of(_RELIEFS, "what would let it pass")]
    subject = reader.text("a payment, budget or rule")
    at = values.moment(reader) if reader.skip("at") else None
    expected.later = ReliefWanted(because, subject, at)


def _never(_: WordReader, expected: Expected) -> None:
    expected.never = True


def _no(reader: WordReader, expected: Expected) -> None:
    reader.need("hint")
    expected.no_hint = True


def _expires(reader: WordReader, expected: Expected) -> None:
    expected.expires.append(reader.text("a payment, such as A1"))
    while (text := reader.peek()) is not None and text not in _ALL:
        expected.expires.append(reader.text("a payment"))


def _fx(reader: WordReader, expected: Expected) -> None:
    expected.fx = reader.one_of(("loss", "gain"), "loss or gain"), values.number(reader)


def _says(reader: WordReader, expected: Expected) -> None:
    expected.sentences.append(reader.text("a sentence in quotes"))


def _mentions(reader: WordReader, expected: Expected) -> None:
    expected.mentions.append(reader.text("words in quotes"))


def _may(reader: WordReader, expected: Expected) -> None:
    reader.need("spend")
    expected.may_spend = values.number(reader)


def _holds(reader: WordReader, expected: Expected) -> None:
    reader.need("until")
    expected.holds_until = values.moment(reader)


def _releases(reader: WordReader, expected: Expected) -> None:
    amount = values.number(reader)
    cause = None
    if reader.skip("by"):
        cause = reader.one_of(_CAUSES, "why it was released")
    expected.releases = amount, cause


def _version(reader: WordReader, expected: Expected) -> None:
    expected.version = values.whole(reader, "a policy's version number")


def _left(reader: WordReader, expected: Expected) -> None:
    expected.levels_left = values.whole(reader, "how many levels have still to approve")


def _because(reader: WordReader, expected: Expected) -> None:
    expected.kept_reason = reader.text("the reason that is kept, in quotes")


def _for(reader: WordReader, expected: Expected) -> None:
    expected.on_behalf_of = reader.text("for whom he answers, who is away")


def _lapses(reader: WordReader, expected: Expected) -> None:
    expected.requests_lapse.append(reader.text("a request, such as Q1"))
    while (text := reader.peek()) is not None and text not in _ALL:
        expected.requests_lapse.append(reader.text("a request"))


_ITEMS: Final[Mapping[str, Callable[[WordReader, Expected], None]]] = {
    "code": _code,
    "review": _review,
    "shadow": _shadow,
    "duplicate": _duplicate,
    "would": _would,
    "later": _later,
    "never": _never,
    "no": _no,
    "expires": _expires,
    "fx": _fx,
    "says": _says,
    "mentions": _mentions,
    "may": _may,
    "holds": _holds,
    "releases": _releases,
    "version": _version,
    "left": _left,
    "because": _because,
    "for": _for,
    "lapses": _lapses,
}
_ALL: Final = frozenset((*_ITEMS, *_BALANCES, *CODES, *ALERTS))
