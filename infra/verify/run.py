"""All oracles over everything: wait until the books have the log, then read both once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

import msgspec

from infra.verify.audit import check_audit
from infra.verify.books import Books, Place, snapshot
from infra.verify.compare import compare_books, compare_statuses
from infra.verify.leases import Leases, all_departments
from infra.verify.partition import PartitionCheck
from infra.verify.periods import check_periods
from infra.verify.records import KEPT_BY_BOOKS, Record, head_of
from infra.verify.report import Report
from infra.verify.sources import Logs
from schemas.topics import CARD_EVENTS, DECISIONS

_POLL_S: Final = 0.1

Progress = Callable[[int, int], None]  # decisions checked, decisions in all


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
        leases = Leases(report)
        with snapshot(postgres) as books:
            checks = _check_partitions(logs, books, ends, leases, report, progress)
            compare_books(books, checks, leases, report)
            check_audit(books, report)
            check_periods(books, report)
            if redis_url is not None:
                compare_statuses(redis_url, books, checks, report, drain_s)
        unanswered = leases.unanswered
        waiting = under_way(logs, ends, unanswered) if unanswered else set()
        leases.finish(all_departments(check.departments for check in checks.values()), waiting)
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
            tail = _last_decided(logs, p)
            if tail is None and logs.bounds(DECISIONS.name, p)[0]:
                break  # all of them reached their retention
            if tail is not None and tail.source_offset >= event.offset:
                with snapshot(postgres) as books:
                    if books.places().get(p, Place(0, 0)).next_seq > tail.seq:
                        break
            if time.monotonic() > deadline_s:
                report["O2"].notes.append(f"partition {p} is not decided and booked after {drain_s:.0f} s")
                break
            time.sleep(_POLL_S)


def _last_decided(logs: Logs, p: int, before: int | None = None) -> _Tail | None:
    found = logs.last_decision(DECISIONS.name, p, before)
    return None if found is None else _Tail(found.decision.seq, found.decision.source_offset)


def _tail(value: bytes | None) -> _Tail | None:
    try:
        return msgspec.json.decode(value or b"", type=_Tail)
    except msgspec.DecodeError:
        return None  # the oracles will say so


def _check_partitions(
    logs: Logs,
    books: Books,
    ends: dict[int, int],
    leases: Leases,
    report: Report,
    progress: Progress | None,
) -> dict[int, PartitionCheck]:
    """`ends` is moved to the first card event of each partition that was not looked at."""
    places = books.places()
    total = sum(place.next_seq for place in places.values())
    checks = {}
    for p, end in list(ends.items()):
        place = places.get(p, Place(0, 0))
        tail = _last_decided(logs, p, place.next_offset)
        events_end = ends[p] = max(end, 0 if tail is None else tail.source_offset + 1)
        report.places[p] = {"card_events": events_end, "decisions": place.next_offset}
        first = logs.bounds(CARD_EVENTS.name, p)[0]
        check = checks[p] = PartitionCheck(p, len(ends), report, leases)
        before = report.decisions
        for count in check.run(
            logs.read(CARD_EVENTS.name, p, first, events_end),
            _decisions(logs, books, p, place, report),
            books.decisions(p),
            books.transfers(p),
            first,
        ):
            report.decisions = before + count
            if progress is not None:
                progress(report.decisions, total)
        # The ledger stops before a record that is not the next decision: it is not among what it has.
        following = logs.read(DECISIONS.name, p, place.next_offset, logs.bounds(DECISIONS.name, p)[1])
        check.look_beyond(following)
    return checks


def _decisions(logs: Logs, books: Books, p: int, place: Place, report: Report) -> Iterator[Record]:
    """What the ledger has, from the log; what reached its retention there, from the ledger's own rows.

    They are no less sure: the first decision that the log has names the hash of the one before.
    """
    low = logs.bounds(DECISIONS.name, p)[0]
    if low:
        read = (_tail(record.value) for record in logs.read(DECISIONS.name, p, low, place.next_offset))
        first = next((tail for tail in read if tail is not None), None)
        gone = place.next_seq if first is None else first.seq
        if gone:
            report["O9"].notes.append(
                f"partition {p}: the log of decisions begins at {p}:{gone}; the {gone:,} before are read "
                "from the ledger, and what follows them vouches for them"
            )
            yield from (Record(KEPT_BY_BOOKS, value) for value in books.records(p, gone))
    yield from logs.read(DECISIONS.name, p, low, place.next_offset)


def under_way(logs: Logs, ends: Mapping[int, int], wanted: Collection[str]) -> set[str]:
    """Which of these event ids lie in card events from `ends` on: what is sent there is not decided yet."""
    found: set[str] = set()
    for p, end in ends.items():
        for record in logs.read(CARD_EVENTS.name, p, end, logs.bounds(CARD_EVENTS.name, p)[1]):
            event = head_of(record.value)
            if event is not None and event.event_id in wanted:
                found.add(event.event_id or "")
    return found
