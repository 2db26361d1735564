"""Bookings of the posted layer in the order of the log, with what is known of their payments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.reports.journal.chart import AccountKind, AccountName, Chart
from api.resources.organization_paths import OfOrganization
from api.stores.journal import EntryFilters, EntryKey, entries_page
from api.stores.postgres import REPORT_TIMEOUT_S
from schemas.bookings import BookingKind
from schemas.ids import Position
from schemas.money import exponent
from schemas.terms import zone_of

PAGE: Final = 1_000
WORDS: Final[Mapping[BookingKind, str]] = {
    "clearing": "purchase",
    "fx_difference": "exchange difference",
    "correction": "correction of a purchase",
    "refund": "refund",
    "refund_reversal": "refund taken back",
    "provisional_credit": "provisional credit in a dispute",
    "dispute_won": "dispute won",
    "dispute_lost": "dispute lost",
}


@dataclass(frozen=True, slots=True)
class JournalPosting:
    """One booking: `amount` from `credit` to `debit`. `payee` and so on are empty where nobody knows."""

    entry_id: str
    day: date
    kind: BookingKind
    amount: Decimal
    currency: str
    debit: AccountName
    credit: AccountName
    owes: int  # of what is owed for cards: 1 more, -1 less, 0 neither
    department_id: str
    payee: str
    authorization_id: str
    card_id: str
    person: str
    mcc: str
    position: str

    @property
    def words(self) -> str:
        return WORDS[self.kind]


@dataclass(frozen=True, slots=True)
class JournalReads:
    """The journal of an organization, or of a department, as a chart names it. `until`: always a time, so
    that what is booked meanwhile makes it no longer."""

    reading: OfOrganization
    chart: Chart
    department_id: str | None
    since: datetime | None
    until: datetime

    async def time_zone(self) -> ZoneInfo:
        """Whose days entries are booked on: that of most budgets. Raises Problem 503."""
        row = await self.reading.find("organization_calendar")
        return zone_of((row["calendar"] or {}).get("time_zone") or "UTC")

    async def page(self, after: EntryKey | None) -> list[Mapping[str, Any]]:
        """At most PAGE entries, as the store has them. Raises Problem 503."""
        filters = EntryFilters(
            department_id=self.department_id, layer="posted", since=self.since, until=self.until
        )
        row = await entries_page(
            self.reading.services.ledger,
            self.reading.caller.organization_id,
            filters,
            "oldest",
            after,
            self.reading.position,
            rows_max=PAGE,
            wait_s=1.0,
        )
        entries: list[Mapping[str, Any]] = row["entries"]
        return entries

    async def pages(
        self, first: list[Mapping[str, Any]], zone: ZoneInfo
    ) -> AsyncIterator[list[JournalPosting]]:
        """All of them, from the page `first` on. Raises Problem 503."""
        entries = first
        while entries:
            yield await self._postings(entries, zone)
            if len(entries) < PAGE:
                return
            last = entries[-1]
            at = datetime.fromisoformat(last["recorded_at"])
            entries = await self.page(EntryKey(at, last["partition"], last["seq"], last["n"], last["leg"]))

    async def _postings(self, entries: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[JournalPosting]:
        payments = sorted({(e["authorization_id"] or "", e["department_id"]) for e in entries})
        row = await self.reading.find(
            "journal_payments",
            timeout_s=REPORT_TIMEOUT_S,
            authorizations=[one for one, _ in payments],
            departments=[department for _, department in payments],
        )
        known = {(one["authorization_id"], one["department_id"]): one for one in row["payments"]}
        nothing: Mapping[str, Any] = {}
        return [
            posting_of(
                e, known.get((e["authorization_id"] or "", e["department_id"]), nothing), self.chart, zone
            )
            for e in entries
        ]


def posting_of(
    entry: Mapping[str, Any], payment: Mapping[str, Any], chart: Chart, zone: ZoneInfo
) -> JournalPosting:
    """`entry`: of journal_entries.sql; `payment`: of journal_payments.sql, or empty."""
    currency, department, mcc = entry["currency"], entry["department_id"], payment.get("mcc")
    debit, credit = kind_of(entry["debit_account"]), kind_of(entry["credit_account"])
    happened = datetime.fromisoformat(entry["occurred_at"] or entry["recorded_at"])
    return JournalPosting(
        entry_id=f"{entry['partition']}:{entry['seq']}:{entry['n']}:{entry['leg']}",
        day=happened.astimezone(zone).date(),
        kind=entry["kind"],
        amount=Decimal(entry["amount"]).scaleb(-exponent(currency)),
        currency=currency,
        debit=chart.account_of(debit, department, mcc),
        credit=chart.account_of(credit, department, mcc),
        owes=(credit == "card-payable") - (debit == "card-payable"),
        department_id=department,
        payee=payment.get("merchant") or "",
        authorization_id=entry["authorization_id"] or "",
        card_id=payment.get("card_id") or "",
        person=payment.get("person") or "",
        mcc=mcc or "",
        position=str(Position(entry["partition"], entry["seq"])),
    )


def kind_of(account: str) -> AccountKind:
    kind: AccountKind = account.rpartition(":")[2]  # type: ignore[assignment]  # of the posted layer
    return kind


def one_line(text: str) -> str:
    """What cannot be printed is a blank: no text of a merchant makes a line of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
