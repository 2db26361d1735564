"""Receipts are read one by one, and matched to purchases: when they come,
and again when purchases come after them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from typing import Any, Final, LiteralString

import msgspec
from psycopg.types.json import Jsonb

from infra.jobs.feature import Feature, Task
from infra.jobs.job import Connection, Job, JobRefused
from infra.jobs.job_settings import JobSettings
from infra.jobs.mail import put_mails
from infra.receipts.fields import ReceiptReading
from infra.receipts.match import (
    DAYS_AFTER,
    DAYS_BEFORE,
    DAYS_CARRIED,
    Candidate,
    MatchKind,
    ReceiptMatch,
    match,
)
from infra.receipts.read_file import ReceiptUnreadable, read_apart
from schemas.money import Money, exponent
from schemas.names import merchant_key
from schemas.settings import read_settings

#: Open receipts of one organization that are looked at again in one go, the latest first.
_OPEN_MAX: Final = 500
_CANDIDATES_MAX: Final = 2_000
#: Purchases that a reminder names.
_MAILED_MAX: Final = 20

_FILE: LiteralString = """
SELECT f.content, f.media_type, r.uploaded_at::date,
    coalesce((SELECT currency FROM budget WHERE organization_id = r.organization_id AND NOT removed
        GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1), 'USD')
FROM receipt r JOIN receipt_file f USING (organization_id, sha256)
WHERE r.receipt_id = %s AND r.read_at IS NULL
"""
_OPEN: LiteralString = """
SELECT receipt_id, reading, uploaded_at::date, employee, uploaded_by, refused, duplicate_of
FROM receipt WHERE authorization_id IS NULL AND reading IS NOT NULL
"""
_ONE: LiteralString = _OPEN + " AND receipt_id = %s FOR UPDATE"
_LATEST: LiteralString = (
    _OPEN
    + " AND uploaded_at > now() - make_interval(days => %s) ORDER BY uploaded_at DESC LIMIT %s FOR UPDATE"
)
# Those of whoever the receipt is of, by card or by message; all, where nobody is named.
_CANDIDATES: LiteralString = """
SELECT a.authorization_id, a.department_id, coalesce(m.name, a.merchant_key, ''), a.currency,
    ARRAY[a.amount, a.requested, a.authorized, a.posted, a.held], a.body -> 'merchant_amount',
    a.created_at::date,
    EXISTS (SELECT FROM receipt r WHERE r.organization_id = a.organization_id
        AND r.authorization_id = a.authorization_id AND r.department_id = a.department_id)
FROM card_authorization a
LEFT JOIN card c USING (organization_id, department_id, card_id)
LEFT JOIN merchant m USING (organization_id, merchant_key)
WHERE a.organization_id = current_setting('spendlog.organization')
    AND a.created_at >= %(since)s AND a.created_at < %(until)s
    AND a.status NOT IN ('declined', 'voided')
    AND (%(employee)s::text IS NULL OR coalesce(c.employee, a.cardholder) IN (%(employee)s, %(uploaded_by)s))
    AND NOT a.department_id || '/' || a.authorization_id = ANY(%(refused)s)
ORDER BY a.created_at DESC LIMIT %(rows_max)s
"""
_READ: LiteralString = """
UPDATE receipt r SET read_at = now(), reading = %(reading)s, fault = %(fault)s,
    duplicate_of = coalesce(r.duplicate_of, (
        SELECT o.receipt_id FROM receipt o
        WHERE o.organization_id = r.organization_id AND o.receipt_id <> r.receipt_id
            AND o.uploaded_at <= r.uploaded_at AND o.reading ->> 'day' = %(day)s AND o.reading -> 'total' =
            %(total)s
            AND lower(o.reading ->> 'merchant') = lower(%(merchant)s)
        ORDER BY o.uploaded_at LIMIT 1))
WHERE r.receipt_id = %(receipt_id)s AND r.read_at IS NULL
"""
_SETTLE: LiteralString = """
UPDATE receipt SET suggestions = %(suggestions)s, department_id = %(department_id)s,
    authorization_id = %(authorization_id)s, linked_at = CASE WHEN %(authorization_id)s::text IS NOT NULL
    THEN now() END
WHERE receipt_id = %(receipt_id)s AND authorization_id IS NULL
"""

REMIND: LiteralString = """
WITH reminded AS (
INSERT INTO receipt_reminder AS r (organization_id, department_id, authorization_id, times, reminded_at)
SELECT organization_id, department_id, authorization_id, 1, now() FROM receipt_missing
WHERE organization_id = current_setting('spendlog.organization')
ON CONFLICT (organization_id, authorization_id, department_id) DO UPDATE
SET times = least(r.times + 1, 100), reminded_at = now() WHERE r.reminded_at < now() - interval '6 days 12
hours'
RETURNING authorization_id, department_id)
SELECT p.email, json_agg(json_build_array(m.created_at::date, coalesce(m.merchant_key, 'unknown merchant'),
    m.amount, m.currency) ORDER BY m.created_at, m.authorization_id)
FROM reminded
JOIN receipt_missing m USING (authorization_id, department_id)
JOIN membership s ON s.organization_id = m.organization_id AND s.employee_id = m.employee
JOIN person p USING (person_id)
WHERE m.organization_id = current_setting('spendlog.organization')
GROUP BY p.email ORDER BY p.email
"""


def feature() -> Feature:
    """One at a time: each takes a core. Raises SettingError."""
    settings = read_settings(JobSettings)
    return Feature(
        "receipts",
        (
            Task("read", read_receipt, timeout_s=300.0),
            Task("match", match_open),
            Task("look_again", look_again, cron="*/5 * * * *"),
            Task("ask_reminders", ask_reminders, cron="0 7 * * *"),
            Task("remind", partial(remind, settings=settings)),
            Task("sweep", sweep, cron="41 * * * *"),
        ),
    )


async def read_receipt(job: Job, receipt_id: str) -> None:
    """What was read, and the purchase, in one transaction. Nothing where it was removed or read meanwhile."""
    async with job.reading() as connection:
        row = await (await connection.execute(_FILE, (receipt_id,))).fetchone()
    if row is None:
        return
    content, media_type, received, home_currency = row
    if find_spec("rapidocr") is None:
        raise JobRefused("pictures cannot be read here: pip install 'spendlog[receipts]', and retry the job")
    reading, fault = ReceiptReading(), None
    try:
        reading = await read_apart(bytes(content), media_type, received, home_currency)
    except ReceiptUnreadable as unreadable:
        fault = str(unreadable)
    else:
        if reading.total is None:
            fault = "No amount was found on it. Look at it, and link it by hand."
    async with job.once() as connection:
        await connection.execute(_READ, _read_row(receipt_id, reading, fault))
        for one in await (await connection.execute(_ONE, (receipt_id,))).fetchall():
            await _settle(connection, one)


def _read_row(receipt_id: str, reading: ReceiptReading, fault: str | None) -> dict[str, Any]:
    told = msgspec.to_builtins(reading)
    return {
        "receipt_id": receipt_id,
        "reading": Jsonb(told),
        "fault": fault,
        "day": told.get("day"),
        "total": Jsonb(told.get("total")),
        "merchant": told.get("merchant"),
    }


async def match_open(job: Job) -> None:
    """Those of the last two months that no purchase has yet."""
    async with job.once() as connection:
        for one in await (await connection.execute(_LATEST, (DAYS_CARRIED, _OPEN_MAX))).fetchall():
            await _settle(connection, one)


async def _settle(connection: Connection, row: Sequence[Any]) -> None:
    receipt_id, told, received, employee, uploaded_by, refused, duplicate_of = row
    reading = msgspec.convert(told, ReceiptReading)
    candidates = await _candidates(connection, reading, received, employee, uploaded_by, refused)
    found = match(reading, candidates, received=received)
    if duplicate_of is not None and found.kind is MatchKind.MATCHED:
        # The same receipt twice is a person's to look at, not a second purchase's.
        found = ReceiptMatch(MatchKind.SUGGESTED, found.suggestions)
    first = found.suggestions[0] if found.suggestions else None
    matched = first if found.kind is MatchKind.MATCHED else None
    await connection.execute(
        _SETTLE,
        {
            "receipt_id": receipt_id,
            "suggestions": Jsonb(msgspec.to_builtins(found.suggestions)),
            "department_id": None if first is None else first.department_id,
            "authorization_id": None if matched is None else matched.authorization_id,
        },
    )


async def _candidates(
    connection: Connection,
    reading: ReceiptReading,
    received: date,
    employee: str | None,
    uploaded_by: str,
    refused: list[str],
) -> list[Candidate]:
    days = [day for day in (reading.day, reading.day_other) if day is not None]
    since = min(days) - timedelta(days=DAYS_BEFORE) if days else received - timedelta(days=DAYS_CARRIED)
    until = (max(days) if days else received) + timedelta(days=DAYS_AFTER + 1)
    cursor = await connection.execute(
        _CANDIDATES,
        {
            "since": since,
            "until": until,
            "employee": employee,
            "uploaded_by": uploaded_by,
            "refused": refused,
            "rows_max": _CANDIDATES_MAX,
        },
    )
    return [_candidate(row) for row in await cursor.fetchall()]


def _candidate(row: Sequence[Any]) -> Candidate:
    authorization_id, department_id, merchant, currency, minors, charged, day, has_receipt = row
    amounts = [Money(minor, currency) for minor in dict.fromkeys(minors) if minor]
    if charged is not None:
        amounts.append(msgspec.convert(charged, Money))
    return Candidate(
        authorization_id, department_id, merchant_key(merchant or " "), tuple(amounts), day, has_receipt
    )


async def look_again(job: Job) -> None:
    """Asks each organization that has open ones."""
    async with job.once() as connection:
        await connection.execute("SELECT receipts_look_again()")


async def ask_reminders(job: Job) -> None:
    """Asks each organization that has a policy."""
    async with job.once() as connection:
        await connection.execute("SELECT receipts_remind()")


async def remind(job: Job, *, settings: JobSettings) -> None:
    """Once a week for each purchase: pages and lists tell who was reminded, and how often. Who has a page is
    sent one mail for all of his, where a server for it is set."""
    assert job.organization_id is not None
    async with job.once() as connection:
        for email, missing in await (await connection.execute(REMIND)).fetchall():
            if settings.api_smtp is not None:
                words = reminder(missing, settings.api_public_url)
                subject = f"Receipts are missing: {len(missing)}"
                about = f"receipts of {job.job_id}"
                await put_mails(connection, job.organization_id, about, [email], subject, words)


def reminder(missing: Sequence[tuple[str, str, int, str]], public_url: str) -> str:
    """Words of a mail. `missing`: day, merchant, minor units and currency of each purchase."""
    shown = [
        f"  {day}  {merchant}, {Decimal(minor).scaleb(-exponent(currency)):,f} {currency}"
        for day, merchant, minor, currency in missing[:_MAILED_MAX]
    ]
    if len(missing) > _MAILED_MAX:
        shown.append(f"  and {len(missing) - _MAILED_MAX:,} more")
    lines = "\n".join(shown)
    where = f"{public_url.rstrip('/')}/receipts"
    return f"These purchases need a receipt, and none is there yet:\n\n{lines}\n\nSend them at {where}\n"


async def sweep(job: Job) -> None:
    """Files without a receipt go."""
    async with job.once() as connection:
        await connection.execute("SELECT receipts_sweep()")
