"""All oracles over everything: wait until the books have the log, then read both once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import redis

from infra.verify.fold import Fold
from infra.verify.partition import PartitionCheck
from infra.verify.report import Report
from infra.verify.sources import Books, Cached, Logs, Place, Statuses, snapshot
from schemas.topics import CARD_EVENTS, DECISIONS

SAMPLE: Final = 500
# Statuses live 7 days in Redis: what was recorded longer ago than 6 may be gone.
REDIS_KEPT: Final = timedelta(days=6)
_POLL_S: Final = 0.1

Progress = Callable[[int, int], None]  # decisions checked, decisions in all
Name = tuple[str, str, str]  # organization, department, authorization


class _Tail(msgspec.Struct):
    """Of a decision record."""

    seq: int
    source_offset: int


def verify(
    kafka: str,
    postgres: str,
    redis_url: str | None,
    *,
    drain_s: float = 30.0,
    progress: Progress | None = None,
) -> Report:
    """Checks every oracle that can be checked from outside.

    What is in card events when it starts must be decided and booked within `drain_s`; a system that goes on
    is compared as of one PostgreSQL snapshot. `redis_url` None: statuses are not compared.

    Raises:
        SpendlogError: Kafka or PostgreSQL does not answer.
    """
    started_s = time.monotonic()
    report, logs = Report(), Logs(kafka)
    try:
        ends = {p: logs.bounds(CARD_EVENTS.name, p)[1] for p in logs.partitions(CARD_EVENTS.name)}
        _drain(logs, postgres, ends, drain_s, report)
        with snapshot(postgres) as books:
            folds = _check_partitions(logs, books, ends, report, progress)
            compare_books(books, list(folds.values()), report)
            if redis_url is not None:
                _compare_statuses(redis_url, books, folds, report, drain_s)
    finally:
        logs.close()
    report.took_s = time.monotonic() - started_s
    return report


def _drain(logs: Logs, postgres: str, ends: Mapping[int, int], drain_s: float, report: Report) -> None:
    """Waits until the ledger has the decision on the last card event of each partition."""
    deadline_s = time.monotonic() + drain_s
    for p in ends:
        event = logs.last(CARD_EVENTS.name, p)
        while event is not None:
            record = logs.last(DECISIONS.name, p)
            tail = None if record is None else _tail(record.value)
            if tail is not None and tail.source_offset >= event.offset:
                with snapshot(postgres) as books:
                    if books.places().get(p, Place(0, 0)).next_seq > tail.seq:
                        break
            if time.monotonic() > deadline_s:
                report["O2"].notes.append(f"partition {p} is not decided and booked after {drain_s:.0f} s")
                break
            time.sleep(_POLL_S)


def _tail(value: bytes | None) -> _Tail | None:
    try:
        return msgspec.json.decode(value or b"", type=_Tail)
    except msgspec.DecodeError:
        return None  # the oracles will say so


def _check_partitions(
    logs: Logs, books: Books, ends: Mapping[int, int], report: Report, progress: Progress | None
) -> dict[int, PartitionCheck]:
    places = books.places()
    total = sum(place.next_seq for place in places.values())
    checks = {}
    for p, end in ends.items():
        place = places.get(p, Place(0, 0))
        last = logs.last(DECISIONS.name, p, place.next_offset)
        tail = None if last is None else _tail(last.value)
        events_end = max(end, 0 if tail is None else tail.source_offset + 1)
        check = checks[p] = PartitionCheck(p, report)
        before = report.decisions
        for count in check.run(
            logs.read(CARD_EVENTS.name, p, logs.bounds(CARD_EVENTS.name, p)[0], events_end),
            logs.read(DECISIONS.name, p, logs.bounds(DECISIONS.name, p)[0], place.next_offset),
            books.decisions(p),
            books.transfers(p),
        ):
            report.decisions = before + count
            if progress is not None:
                progress(report.decisions, total)
    return checks


# -- what the fold says against the books


def compare_books(books: Books, checks: list[PartitionCheck], report: Report) -> None:
    """Balances (O1) and read models (O6) against the folds of all partitions."""
    folds = [check.fold for check in checks]
    _compare_balances(books, folds, report)
    oracle = report["O6"]
    budgets = {
        department: (budget.name, budget.currency, budget.time_zone, budget.limit, budget.seq)
        for fold in folds
        for department, budget in fold.budgets.items()
    }
    _compare("budget", budgets, books.budgets(), report)
    months = {
        name: (totals.posted, totals.held, totals.limit)
        for fold in folds
        for name, totals in fold.months.items()
    }
    # A month that only a budget was set in has no money in it; both have it then, or both have not.
    _compare("budget month", months, books.months(), report)
    missing = sum(len(fold.payments) for fold in folds)
    by_department = {department: fold for fold in folds for department in fold.budgets}
    for organization, department, authorization, *found in books.authorizations():
        oracle.checked += 1
        name = (organization, department, authorization)
        payment = by_department.get(name[:2], _NOTHING).payments.get(name)
        if payment is None:
            oracle.violated(f"authorization {'/'.join(name)} is in PostgreSQL, not in the log")
            continue
        missing -= 1
        wanted = [
            payment.status,
            payment.requested,
            payment.held,
            payment.posted,
            payment.refunded,
            payment.seq,
        ]
        if found != wanted:
            oracle.violated(f"authorization {'/'.join(name)} is {found}, the log says {wanted}")
    if missing:
        oracle.violated(f"{missing} authorizations of the log are not in PostgreSQL")


_NOTHING = Fold()


def _compare(what: str, wanted: Mapping[Any, Any], found: Mapping[Any, Any], report: Report) -> None:
    oracle = report["O6"]
    for name in wanted.keys() | found.keys():
        oracle.checked += 1
        if wanted.get(name) != found.get(name):
            oracle.violated(
                f"{what} {'/'.join(name)} is {found.get(name)} in PostgreSQL, the log says {wanted.get(name)}"
            )


def _compare_balances(books: Books, folds: list[Fold], report: Report) -> None:
    oracle = report["O1"]
    for currency, layer, total, entries in books.trial_balance():
        oracle.checked += entries
        if total:
            oracle.violated(f"the {layer} layer in {currency} adds up to {total}, not to 0")
    wanted: dict[tuple[str, str], int] = {}
    for fold in folds:
        for key, amount in fold.balances.items():
            wanted[key] = wanted.get(key, 0) + amount
    if sum(wanted.values()):
        oracle.violated("the bookings that follow from the log do not add up to 0")
    found = books.account_balances()
    for account, currency in wanted.keys() | found.keys():
        oracle.checked += 1
        key = (account, currency)
        if wanted.get(key, 0) != found.get(key, 0):
            oracle.violated(
                f"account {account} stands at {found.get(key, 0)} {currency}, by the log at "
                f"{wanted.get(key, 0)}"
            )


# -- Redis


def _compare_statuses(
    url: str, books: Books, checks: Mapping[int, PartitionCheck], report: Report, drain_s: float
) -> None:
    """A random sample of the statuses that Redis must have."""
    oracle, statuses = report["O6"], Statuses(url)
    try:
        behind = _wait_for_statuses(statuses, checks, drain_s)
        if behind:
            oracle.violated(
                f"statuses of partitions {behind} in Redis are behind the ledger after {drain_s:.0f} s"
            )
            return
        names = _sample(books, checks)
        for (p, name), cached in zip(names, statuses.get([name for _, name in names]), strict=True):
            oracle.checked += 1
            _compare_status(p, name, cached, checks, report)
        oracle.notes.append(f"{len(names):,} statuses in Redis compared")
    except (redis.RedisError, OSError) as error:
        oracle.notes.append(f"Redis does not answer, statuses were not compared: {error}")
    finally:
        statuses.close()


def _wait_for_statuses(statuses: Statuses, checks: Mapping[int, PartitionCheck], drain_s: float) -> list[int]:
    """Returns the partitions that did not arrive in time."""
    deadline_s = time.monotonic() + drain_s
    while True:
        behind = [p for p, check in checks.items() if (statuses.next_seq(p) or 0) < check.count]
        if not behind or time.monotonic() > deadline_s:
            return behind
        time.sleep(_POLL_S)


def _sample(books: Books, checks: Mapping[int, PartitionCheck]) -> list[tuple[int, Name]]:
    everyone = [
        (p, name, payment.seq) for p, check in checks.items() for name, payment in check.fold.payments.items()
    ]
    drawn = random.Random(len(everyone)).sample(everyone, min(SAMPLE, len(everyone)))
    fresh = books.recorded_since([(p, seq) for p, _, seq in drawn], datetime.now(UTC) - REDIS_KEPT)
    return [(p, name) for p, name, seq in drawn if (p, seq) in fresh]


def _compare_status(
    p: int, name: Name, cached: Cached | None, checks: Mapping[int, PartitionCheck], report: Report
) -> None:
    payment = checks[p].fold.payments[name]
    wanted = Cached(
        payment.status, payment.seq, payment.requested, payment.held, payment.posted, payment.refunded
    )
    if cached is None:
        report["O6"].violated(f"authorization {'/'.join(name)} is not in Redis")
    elif cached != wanted and cached.seq < checks[p].count:  # else: it has moved on since the snapshot
        report["O6"].violated(f"authorization {'/'.join(name)} is {cached} in Redis, the log says {wanted}")
