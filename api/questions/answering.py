"""A typed query answered: read, and put into figures, a table and a chart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from api.http.types import MoneyOut
from api.questions.answer import AnswerOut, Cell, ChartOut, ColumnOut, CorrectedOut, FigureOut
from api.questions.assistant import Assistant
from api.questions.budgets_left import LeftReads
from api.questions.charts import chart_of
from api.questions.fiscal_calendar import OrgCalendar
from api.questions.lexer import Corrected
from api.questions.organization_names import Directory, directory_of, ready
from api.questions.parameters import Asker, Bucket, buckets_of, instant, money_of, parameters
from api.questions.query import TIMES, Dimension, Query
from api.questions.saying import chips_of, headline_of, label_of, sentence_of
from api.resources.transactions.answer import TransactionStatus, transaction_out
from api.stores.kept import KeptReadings
from api.stores.questions import QuestionReads, groups, purchases
from schemas.authorizations import Authorization
from schemas.terms import zone_of

_decode: Final = msgspec.json.Decoder(Authorization).decode


@dataclass(frozen=True)
class Questions:
    """Questions of one who asks: what names mean to him, what day it is there, and the answers."""

    reads: QuestionReads
    asker: Asker
    directory: Directory
    now: datetime
    assistant: Assistant | None = None
    kept: KeptReadings[Directory] | None = None

    @classmethod
    async def of(
        cls,
        reads: QuestionReads,
        asker: Asker,
        me: str | None,
        now: datetime,
        kept: KeptReadings[Directory] | None = None,
    ) -> Questions:
        """`kept`: where directories are kept for the next question. Raises Problem 503."""
        if kept is None:
            return cls(reads, asker, await _directory(reads, asker, me), now)
        directory = await kept.of((asker, me), lambda: _directory(reads, asker, me))
        return cls(reads, asker, directory, now, kept=kept)

    async def again(self) -> Questions | None:
        """With the names that there are now; None: they were read just now. Raises Problem 503."""
        if self.kept is None:
            return None
        me = self.directory.me
        directory = await self.kept.fresh((self.asker, me), lambda: _directory(self.reads, self.asker, me))
        return None if directory is None else replace(self, directory=directory)

    @cached_property
    def zone(self) -> ZoneInfo:
        return zone_of(self.directory.time_zone)

    @cached_property
    def clock(self) -> OrgCalendar:
        return OrgCalendar(self.now.astimezone(self.zone).date(), self.directory.fiscal)

    async def answer(self, query: Query, corrected: Sequence[Corrected] = ()) -> AnswerOut:
        """Raises NotUnderstood for what cannot be answered, Problem 503."""
        if query.measure == "left":
            figures, columns, rows = await LeftReads(self.reads, self.asker, self.directory, self.now).of(
                query
            )
            chart = chart_of(columns, rows, time=False)
        elif query.measure == "purchases":
            figures, columns, rows = await self._purchases(query)
            chart = None
        else:
            figures, columns, rows, chart = await self._groups(query)
        return AnswerOut(
            sentence=sentence_of(query, self.directory),
            headline=headline_of(query, figures, columns, rows),
            query=query,
            chips=chips_of(query, self.directory),
            corrected=[CorrectedOut(word=one.text, taken_for=one.taken_for) for one in corrected],
            time_zone=self.directory.time_zone,
            figures=figures,
            columns=columns,
            rows=rows,
            chart=chart,
        )

    async def _purchases(self, query: Query) -> tuple[list[FigureOut], list[ColumnOut], list[list[Cell]]]:
        asked = parameters(query, self.asker, self.directory, self.zone)
        row = await self.reads.run(purchases(money_of(query), query.order, asked))
        columns = [
            ColumnOut(name="when", kind="time"),
            *(ColumnOut(name=name, kind="text") for name in ("merchant", "department", "who", "status")),
            ColumnOut(name="amount", kind="money"),
            ColumnOut(name="why", kind="text"),
            ColumnOut(name="id", kind="text"),
        ]
        return (
            [] if row["more"] else self._figures(row["totals"], query),
            columns,
            [self._purchase(query, body) for body in row["bodies"]],
        )

    def _purchase(self, query: Query, body: str) -> list[Cell]:
        found = transaction_out(_decode(body))
        came_back = query.statuses == (TransactionStatus.REFUNDED,)
        who = self._who(found.card_id, found.cardholder)
        return [
            found.created_at.isoformat() if found.created_at else None,
            found.merchant.name if found.merchant else "",
            self.directory.label("department", found.department_id),
            who,
            str(found.status),
            found.refunded if came_back else found.amount,
            found.reasons[0].message if found.reasons else "",
            found.transaction_id,
        ]

    def _who(self, card_id: str | None, cardholder: str | None) -> str:
        return self.directory.label("person", cardholder) if cardholder else card_id or ""

    async def _groups(
        self, query: Query
    ) -> tuple[list[FigureOut], list[ColumnOut], list[list[Cell]], ChartOut | None]:
        asked = parameters(query, self.asker, self.directory, self.zone)
        buckets: list[Bucket] = []
        time = next((one for one in query.group_by if one in TIMES), None)
        if time is not None:
            buckets = buckets_of(query, self.clock)
            asked["edges"] = [instant(bucket.first, self.zone) for bucket in buckets]
            asked["since"] = asked["edges"][0]
            asked["rows_max"] = max(
                query.rows_max, len(buckets) * (query.rows_max if len(query.group_by) > 1 else 1)
            )
        sides = ["time" if one in TIMES else one for one in query.group_by]
        statement = groups(
            sides,
            money_of(query),
            query.measure,
            query.order == "smallest",
            asked,
            by_time=time is not None,
        )
        row = await self.reads.run(statement)
        columns = _columns(query)
        rows = [self._group(query, each, buckets) for each in row["rows"]]
        if time is not None and len(query.group_by) == 1:
            rows = _every_bucket(rows, buckets, row["totals"])
        if not query.group_by:
            rows = [self._group(query, each, buckets) for each in row["totals"]]
        figures = self._figures(row["totals"], query)
        return figures, columns, rows, chart_of(columns, rows, time=time is not None, measure=query.measure)

    def _group(self, query: Query, row: Mapping[str, Any], buckets: Sequence[Bucket]) -> list[Cell]:
        sides = (row.get("one"), row.get("two"))[: len(query.group_by)]
        labels: list[Cell] = [
            self._side(dimension, str(value), buckets)
            for dimension, value in zip(query.group_by, sides, strict=True)
        ]
        currency, minor = row["currency"], row["minor"]
        cells = [*labels, MoneyOut(minor=minor, currency=currency), row["purchases"]]
        if query.measure == "average":
            cells.append(average(minor, row["purchases"], currency))
        if query.compared_with is not None:
            before, count_before = row["minor_before"], row["purchases_before"]
            cells += [MoneyOut(minor=before, currency=currency), count_before]
            counted = query.measure == "count"
            cells.append(change(row["purchases"], count_before) if counted else change(minor, before))
        return cells

    def _side(self, dimension: Dimension, value: str, buckets: Sequence[Bucket]) -> str:
        if dimension in TIMES:
            return buckets[max(1, int(value)) - 1].label
        return label_of(dimension, value, self.directory)

    def _figures(self, totals: Sequence[Mapping[str, Any]], query: Query) -> list[FigureOut]:
        found = []
        for row in totals:
            currency, compared = row["currency"], query.compared_with is not None
            before = row.get("minor_before", 0)
            counted = query.measure == "count"
            percent = None
            if compared:
                percent = (
                    change(row["purchases"], row["purchases_before"])
                    if counted
                    else change(row["minor"], before)
                )
            found.append(
                FigureOut(
                    amount=MoneyOut(minor=row["minor"], currency=currency),
                    purchases=row["purchases"],
                    average=average(row["minor"], row["purchases"], currency),
                    before=MoneyOut(minor=before, currency=currency) if compared else None,
                    purchases_before=row["purchases_before"] if compared else None,
                    change_percent=percent,
                    groups=row["groups"] if query.group_by else None,
                )
            )
        return found


async def _directory(reads: QuestionReads, asker: Asker, me: str | None) -> Directory:
    row = await reads.names(asker.departments, asker.own)
    # In a thread: thousands of names take a moment, in which others' purchases are answered.
    return await asyncio.to_thread(lambda: ready(directory_of(row, asker.organization_id, me)))


def average(minor: int, count: int, currency: str) -> MoneyOut | None:
    if not count:
        return None
    mean = (Decimal(minor) / count).quantize(Decimal(1), ROUND_HALF_EVEN)
    return MoneyOut(minor=int(mean), currency=currency)


def change(now: int, before: int) -> str | None:
    """By how many percent it is more; None where it was nothing."""
    if not before:
        return None
    return str((Decimal(100) * (now - before) / before).quantize(Decimal("0.1"), ROUND_HALF_EVEN))


def _columns(query: Query) -> list[ColumnOut]:
    found = [ColumnOut(name=one, kind="time" if one in TIMES else "text") for one in query.group_by]
    found += [ColumnOut(name="amount", kind="money"), ColumnOut(name="purchases", kind="count")]
    if query.measure == "average":
        found.append(ColumnOut(name="average", kind="money"))
    if query.compared_with is not None:
        found += [
            ColumnOut(name="amount before", kind="money"),
            ColumnOut(name="purchases before", kind="count"),
            ColumnOut(name="change", kind="percent"),
        ]
    return found


def _every_bucket(
    rows: list[list[Cell]], buckets: Sequence[Bucket], totals: Sequence[Mapping[str, Any]]
) -> list[list[Cell]]:
    """A month in which nothing was spent is a row with nothing, in each currency that there is."""
    by_label = {(row[0], row[1].currency): row for row in rows if isinstance(row[1], MoneyOut)}
    found: list[list[Cell]] = []
    for total in totals:
        currency = total["currency"]
        for bucket in buckets:
            nothing: list[Cell] = [bucket.label, MoneyOut(minor=0, currency=currency), 0]
            row = by_label.get((bucket.label, currency), nothing)
            found.append(row if len(row) > 3 or not rows or len(rows[0]) == 3 else [*nothing, None])
    return found


async def together(*awaited: Any) -> list[Any]:
    return list(await asyncio.gather(*awaited))
