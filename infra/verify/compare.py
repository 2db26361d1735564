"""What the folds of all partitions say against PostgreSQL and Redis."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

import redis

from infra.verify.books import Books
from infra.verify.leases import Leases, all_departments
from infra.verify.partition import PartitionCheck
from infra.verify.read_models import TABLES, Models, totals
from infra.verify.report import EXAMPLES_MAX, Report
from infra.verify.sources import Cached, Statuses

SAMPLE: Final = 500
# Statuses live 7 days in Redis: what was recorded longer ago than 6 may be gone.
REDIS_KEPT: Final = timedelta(days=6)
_POLL_S: Final = 0.1

Name = tuple[str, str, str]  # organization, department, authorization
Checks = Mapping[int, PartitionCheck]


def compare_books(books: Books, checks: Checks, leases: Leases, report: Report) -> None:
    """Balances (O1) and read models (O6) against the folds of all partitions."""
    _compare_balances(books, checks, report)
    departments = all_departments(check.departments for check in checks.values())
    models = Models(departments, leases.treasuries)
    for table in TABLES:
        _compare(table, models, books, report)


def _compare(table: str, models: Models, books: Books, report: Report) -> None:
    oracle = report["O6"]
    missing = sum(1 for _ in models.keys(table))
    for key, row in books.rows(TABLES[table]):
        oracle.checked += 1
        wanted, found = models.row(table, key), models.found(table, row)
        missing -= wanted is not None
        if wanted != found:
            with report.about(str(key[0])):
                oracle.violated(f"{table} {_name(key)} is {found} in PostgreSQL, the log says {wanted}")
    if missing:
        # Twice read only where something is wrong: the keys of a million payments need not be kept.
        there = {key for key, _ in books.rows(TABLES[table])}
        lost = (key for key in models.keys(table) if key not in there)
        for key in islice(lost, EXAMPLES_MAX):
            with report.about(str(key[0])):
                oracle.violated(f"{table} {_name(key)} is not in PostgreSQL; {missing} are not")


def _name(key: tuple[object, ...]) -> str:
    return "/".join(map(str, key))


def _compare_balances(books: Books, checks: Checks, report: Report) -> None:
    oracle = report["O1"]
    for currency, layer, total, entries in books.trial_balance():
        oracle.checked += entries
        if total or layer not in ("pending", "posted"):
            oracle.violated(f"the {layer} layer in {currency} adds up to {total}")
    wanted: dict[tuple[str, str], int] = {}
    for check in checks.values():
        for key, amount in check.accounts.items():
            wanted[key] = wanted.get(key, 0) + amount
    if sum(wanted.values()):
        oracle.violated("the bookings that follow from the log do not add up to 0")
    found = books.account_balances()
    for account, currency in wanted.keys() | found.keys():
        oracle.checked += 1
        key = (account, currency)
        if wanted.get(key, 0) != found.get(key, 0):
            with report.about(_owner(account)):
                oracle.violated(
                    f"account {account} stands at {found.get(key, 0)} {currency}, by the log at "
                    f"{wanted.get(key, 0)}"
                )


def _owner(account: str) -> str | None:
    """The organization of `organization:ID:NAME` or `department:ID/DEPARTMENT:NAME`; None: it is no such."""
    kind, _, rest = account.partition(":")
    place = rest.rpartition(":")[0]
    return {"organization": place, "department": place.partition("/")[0]}.get(kind)


# -- Redis


def compare_statuses(url: str, books: Books, checks: Checks, report: Report, drain_s: float) -> None:
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


def _wait_for_statuses(statuses: Statuses, checks: Checks, drain_s: float) -> list[int]:
    """Returns the partitions that did not arrive in time."""
    deadline_s = time.monotonic() + drain_s
    while True:
        behind = [p for p, check in checks.items() if (statuses.next_seq(p) or 0) < check.count]
        if not behind or time.monotonic() > deadline_s:
            return behind
        time.sleep(_POLL_S)


def _sample(books: Books, checks: Checks) -> list[tuple[int, Name]]:
    """Payments of which all that is known was recorded while Redis keeps it."""
    everyone = [
        (p, (*name, authorization_id), payment.first_seq)
        for p, check in checks.items()
        for name, department in check.departments.items()
        for authorization_id, payment in department.payments.items()
    ]
    drawn = random.Random(len(everyone)).sample(everyone, min(SAMPLE, len(everyone)))
    fresh = books.recorded_since([(p, seq) for p, _, seq in drawn], datetime.now(UTC) - REDIS_KEPT)
    return [(p, name) for p, name, seq in drawn if (p, seq) in fresh]


def _compare_status(p: int, name: Name, cached: Cached | None, checks: Checks, report: Report) -> None:
    payment = checks[p].departments[name[:2]].payments[name[2]]
    state, *amounts = totals(payment)
    wanted = Cached(state, payment.seq, *amounts)
    if cached is None:
        with report.about(name[0]):
            report["O6"].violated(f"authorization {'/'.join(name)} is not in Redis")
    elif cached != wanted and cached.seq < checks[p].count:  # else: it has moved on since the snapshot
        with report.about(name[0]):
            report["O6"].violated(
                f"authorization {'/'.join(name)} is {cached} in Redis, the log says {wanted}"
            )
