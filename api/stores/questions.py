"""Questions to SQL: texts of ours put together by the members of a typed query, whose values are parameters.

Read by the role `spendlog_questions`, which can only read, behind row-level security, in a transaction that
is read only and has a bound of time. No name and no number of a question is ever part of a statement's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, LiteralString

import msgspec

from api.stores.ledger import LedgerReads
from api.stores.postgres import QUERY_TIMEOUT_S, Row
from api.stores.sql import statement
from schemas.ids import Position

#: Who asks questions of PostgreSQL.
READER: Final = "spendlog_questions"
#: Longest time of one answer: it may add up all purchases of years.
ANSWER_TIMEOUT_S: Final = 5.0
NAMES_MAX: Final = 10_000
#: Of more purchases a list is not added up: the sum would cost seconds, and a list is not asked for it.
COUNTED_MAX: Final = 10_000
_BIGINT_MAX: Final = 2**63 - 1

#: A side of a purchase that it can be grouped by. Times are numbers of the buckets that begin at `edges`.
SIDES: Final[dict[str, LiteralString]] = {
    "department": "a.department_id",
    "team": "coalesce(c.team, '')",
    "person": "coalesce(c.employee, a.cardholder, '')",
    "merchant": "coalesce(a.merchant_key, '')",
    "category": "coalesce(%(category_of)s::jsonb ->> a.mcc, 'other')",
    "status": "coalesce(%(status_of)s::jsonb ->> a.status, a.status)",
    "reason": "coalesce(a.body -> 'reasons' -> 0 ->> 'code', '')",
    "card": "coalesce(a.card_id, '')",
    "currency": "a.currency",
    "time": "width_bucket(a.created_at, %(edges)s::timestamptz[])::text",
}
#: What of a purchase counts: by the states that are asked for.
MONEY: Final[dict[str, LiteralString]] = {
    # Settled less what came back, and what is held. What a won dispute gave back only the body tells: so
    # purchases that were never disputed are added up without it (_UNDISPUTED).
    "spent": "greatest(0, a.posted - a.refunded - CASE WHEN a.disputed > 0"
    " THEN coalesce((a.body ->> 'recovered')::bigint, 0) ELSE 0 END) + a.held",
    "held": "a.held",
    "settled": "a.posted",
    "refunded": "a.refunded",
    "disputed": "a.disputed",
    "amount": "a.amount",
}
_UNDISPUTED: Final[dict[str, LiteralString]] = {
    **MONEY,
    "spent": "greatest(0, a.posted - a.refunded) + a.held",
    "disputed": "0::bigint",
}
#: Somebody's purchases: on his cards, or with his name on cards that are nobody's. Both are found by an index
#: first, for by whom a purchase is depends on its card.
_OF_PERSON: Final[LiteralString] = """(a.cardholder = ANY(%({0})s) OR a.card_id = ANY(ARRAY(
        SELECT card_id FROM card WHERE organization_id = %(organization_id)s AND employee = ANY(%({0})s))))
        AND coalesce(c.employee, a.cardholder) = ANY(%({0})s)"""
_OF_TEAM: Final[LiteralString] = """a.card_id = ANY(ARRAY(
        SELECT card_id FROM card WHERE organization_id = %(organization_id)s AND team = ANY(%(team)s)))
        AND c.team = ANY(%(team)s)"""
#: A condition for each member that is given; the parameter has its name.
_CONDITIONS: Final[dict[str, LiteralString]] = {
    "departments": "a.department_id = ANY(%(departments)s)",
    "own": _OF_PERSON.format("own"),
    "department": "a.department_id = ANY(%(department)s)",
    "team": _OF_TEAM,
    "person": _OF_PERSON.format("person"),
    "merchant": "a.merchant_key = ANY(%(merchant)s)",
    "mccs": "a.mcc = ANY(%(mccs)s)",
    "card": "a.card_id = ANY(%(card)s)",
    "statuses": "a.status = ANY(%(statuses)s)",
    "came_back": "a.refunded > 0",
    "approved": "a.authorized > 0",
    "flagged": "a.flagged = %(flagged)s",
    "review": "a.review = %(review)s",
    "currency": "a.currency = %(currency)s",
    "above": "a.amount > (%(above)s::jsonb ->> a.currency)::numeric",
    "at_least": "a.amount >= (%(at_least)s::jsonb ->> a.currency)::numeric",
    "below": "a.amount < (%(below)s::jsonb ->> a.currency)::numeric",
    "at_most": "a.amount <= (%(at_most)s::jsonb ->> a.currency)::numeric",
    "amount_from": "a.amount >= %(amount_from)s",
    "amount_to": "a.amount <= %(amount_to)s",
    "since": "a.created_at >= %(since)s",
    "until": "a.created_at < %(until)s",
    "since_before": "a.created_at >= %(since_before)s AND a.created_at < %(until_before)s",
    "without_department": "a.department_id <> ALL(%(without_department)s)",
    "without_team": "coalesce(c.team, '') <> ALL(%(without_team)s)",
    "without_person": "coalesce(c.employee, a.cardholder, '') <> ALL(%(without_person)s)",
    "without_merchant": "coalesce(a.merchant_key, '') <> ALL(%(without_merchant)s)",
    "without_mccs": "coalesce(a.mcc, '') <> ALL(%(without_mccs)s)",
    "without_card": "coalesce(a.card_id, '') <> ALL(%(without_card)s)",
}
_HAVING: Final[dict[str, LiteralString]] = {
    "group_above": "minor > (%(group_above)s::jsonb ->> currency)::numeric",
    "group_at_least": "minor >= (%(group_at_least)s::jsonb ->> currency)::numeric",
    "group_below": "minor < (%(group_below)s::jsonb ->> currency)::numeric",
    "group_at_most": "minor <= (%(group_at_most)s::jsonb ->> currency)::numeric",
    "count_at_least": "purchases >= %(count_at_least)s",
    "count_at_most": "purchases <= %(count_at_most)s",
}
_KEYS: Final[dict[str, LiteralString]] = {
    "total": "minor",
    "count": "purchases",
    "average": "minor::numeric / greatest(purchases, 1)",
}
_ASKED: Final[LiteralString] = "(a.created_at >= %(since)s AND a.created_at < %(until)s)"
_PERIODS: Final = frozenset(("since", "until", "since_before", "until_before"))
_OTHERS: Final[LiteralString] = "(a.mcc = ANY(%(mccs)s) OR %(category_of)s::jsonb ->> a.mcc IS NULL)"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and its parameters, all but who asks."""

    sql: LiteralString
    asked: Row


def groups(
    sides: Sequence[str], money: str, key: str, ascending: bool, asked: Row, *, by_time: bool
) -> Statement:
    """Of question_groups.sql. `sides`: of SIDES, at most two; `asked`: parameters, None: not asked.

    `by_time`: the rows come in the order of time.
    """
    asked = _bounded(asked)
    one, two = (*(SIDES[side] for side in sides), "''", "''")[:2]
    compared = asked.get("since_before") is not None
    way: LiteralString = "ASC" if ascending else "DESC"
    order: LiteralString = f"{_KEYS[key]} {way}, one, two"
    if by_time:
        order = "one::int, two" if sides[0] == "time" else "two::int, one"
    having = "".join(f" AND {text}" for name, text in _HAVING.items() if asked.get(name) is not None)
    sql = (
        statement("question_groups")
        .replace("/* one */", one)
        .replace("/* two */", two)
        .replace("/* money */", _UNDISPUTED[money])
        .replace("/* money of disputed */", MONEY[money])
        .replace("/* asked */", _ASKED if compared else "true")
        .replace("/* conditions */", _conditions(asked))
        .replace("/* order */", order)
        .replace("/* having */", having)
    )
    return Statement(sql, asked)


def purchases(money: str, order: str, asked: Row) -> Statement:
    """Of question_purchases.sql. By amount they come currency by currency: two cannot be compared."""
    asked = _bounded(asked)
    by_amount = order in ("largest", "smallest")
    way: LiteralString = "DESC" if order in ("largest", "newest") else "ASC"
    column: LiteralString = "amount" if by_amount else "created_at"
    source: LiteralString = "known" if by_amount else "(SELECT 1)"
    of_source: LiteralString = "purchase.currency = source.currency" if by_amount else "true"
    lead: LiteralString = "found.currency," if by_amount else ""
    sql = (
        statement("question_purchases")
        .replace("/* money */", MONEY[money])
        .replace("/* conditions */", _conditions(asked))
        .replace("/* source */", source)
        .replace("/* of source */", of_source)
        .replace("/* order */", f"{column} {way}, created_at DESC, authorization_id")
        .replace("/* lead */", lead)
        .replace(
            "/* order of found */", f"found.{column} {way}, found.created_at DESC, found.authorization_id"
        )
    )
    return Statement(sql, {**asked, "counted_max": COUNTED_MAX})


def _bounded(asked: Row) -> Row:
    """`asked` with bounds of amounts in whichever currency, so that an index finds what may fit."""
    found = dict(asked)
    for bound, names, which in (
        ("amount_from", ("above", "at_least"), min),
        ("amount_to", ("below", "at_most"), max),
    ):
        values = [
            Decimal(value)
            for name in names
            if asked.get(name) is not None
            for value in msgspec.json.decode(asked[name]).values()
        ]
        if values:
            found[bound] = max(-_BIGINT_MAX, min(_BIGINT_MAX, int(which(values))))
    return found


def _conditions(asked: Row) -> LiteralString:
    given: list[LiteralString] = []
    compared = asked.get("since_before") is not None
    for name, text in _CONDITIONS.items():
        if asked.get(name) is None or (compared and name in _PERIODS):
            continue
        given.append(_OTHERS if name == "mccs" and asked.get("other") else text)
    if compared:
        given.append(f"({_ASKED} OR ({_CONDITIONS['since_before']}))")
    return "".join(f" AND {text}" for text in given)


@dataclass(frozen=True, slots=True)
class QuestionReads:
    """Runs statements of questions for one organization."""

    ledger: LedgerReads
    organization_id: str
    position: Position | None = None
    wait_s: float = 0.0

    async def names(self, departments: Sequence[str] | None, own: Sequence[str] | None) -> Row:
        """The row of question_names.sql. Raises Problem 503."""
        asked = {
            "departments": None if departments is None else list(departments),
            "own": None if own is None else list(own),
            "rows_max": NAMES_MAX,
        }
        return await self.run(Statement(statement("question_names"), asked))

    async def run(self, asked: Statement) -> Row:
        """Raises Problem 503: no answer, or none within the time that a question has."""
        return await self.ledger.run(
            asked.sql,
            self.position,
            wait_s=self.wait_s,
            timeout_s=ANSWER_TIMEOUT_S + QUERY_TIMEOUT_S,
            prepare=False,
            reader=READER,
            asked={"organization_id": self.organization_id, **asked.asked},
        )


def as_json(value: Any) -> str:
    """A parameter of type jsonb."""
    return msgspec.json.encode(value).decode()
