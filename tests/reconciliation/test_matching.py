"""Lines against bookings: what is the same, what differs, what is missing where, what is told twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.reconciliation.books import book, line, new_log, results, run_match, three_movements, upload
from tests.sinks.builder import DecisionLog
from tests.sinks.conftest import query

MERCHANT = "Café № 7"


@pytest.fixture
def log(database: str) -> DecisionLog:
    """Its bookings are in `database`."""
    log = three_movements()
    book(database, log)
    return log


def test_a_file_that_says_what_the_books_say_is_matched(files: str) -> None:
    file = upload(
        files,
        [
            line(1, 1000, reference="evt-0-3"),
            line(2, 2000, authorization_id="p2"),
            line(3, 500, refund=True, reference="ref-1"),
        ],
    )
    assert results(files, file) == [(1, "matched", "", 3), (2, "matched", "", 4), (3, "matched", "", 5)]


Case = tuple[list[dict[str, Any]], list[tuple[Any, ...]]]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # The amount of a reference differs, up or down, by a cent or much.
        ([line(1, 1001, reference="evt-0-3")], [(1, "differs", "amount", 3)]),
        ([line(1, 1, authorization_id="p2")], [(1, "differs", "amount", 4)]),
        # A purchase that is told as a refund is another amount, too.
        ([line(1, 1000, refund=True, reference="evt-0-3")], [(1, "differs", "amount", 3)]),
        ([line(1, 1000, currency="EUR", reference="evt-0-3")], [(1, "differs", "currency", 3)]),
        ([line(1, 900, currency="EUR", reference="p1")], [(1, "differs", "amount,currency", 3)]),
        ([line(1, 1000, reference="evt-0-3", day="2026-11-25")], [(1, "differs", "day", 3)]),
        ([line(1, 1000, reference="evt-0-3", day="2026-11-24")], [(1, "matched", "", 3)]),
        ([line(1, 1000, reference="evt-0-3", day="2026-11-17")], [(1, "differs", "day", 3)]),
        ([line(1, 1000, reference="p1", day="2026-11-28", bought="2026-11-20")], [(1, "matched", "", 3)]),
        # Nothing is known of these.
        ([line(1, 999)], [(1, "missing_here", "", None)]),
        ([line(1, 1000)], [(1, "missing_here", "", None)]),  # an amount alone says nothing
        ([line(1, 1000, card_id="card-9", merchant=MERCHANT)], [(1, "missing_here", "", None)]),
        ([line(1, 1000, card_id="card-3", merchant="Other")], [(1, "missing_here", "", None)]),
        # Without a reference: card, merchant, amount and day.
        ([line(1, 1000, card_id="card-3", merchant=MERCHANT)], [(1, "matched", "", 3)]),
        ([line(1, 1000, card_id="card-3", merchant="CAFÉ № 7")], [(1, "matched", "", 3)]),
        ([line(1, 1000, card_id="card-3", merchant=MERCHANT, day="2026-11-23")], [(1, "matched", "", 3)]),
        (
            [line(1, 1000, card_id="card-3", merchant=MERCHANT, day="2026-11-29")],
            [(1, "missing_here", "", None)],
        ),
        ([line(1, 1000, card_id="card-3")], [(1, "matched", "", 3)]),
        # Twice the same.
        (
            [line(1, 1000, reference="evt-0-3"), line(2, 1000, reference="evt-0-3")],
            [(1, "matched", "", 3), (2, "duplicate", "", None)],
        ),
        (
            [line(1, 77, reference="x"), line(2, 77, reference="x"), line(3, 78, reference="x")],
            [(1, "missing_here", "", None), (2, "duplicate", "", None), (3, "missing_here", "", None)],
        ),
        (
            [line(n, 1000, card_id="card-3", merchant=MERCHANT) for n in (1, 2)],
            [(1, "matched", "", 3), (2, "duplicate", "", None)],
        ),
        # A line that cannot be used stays open.
        (
            [{"n": 1, "number": 7, "unreadable": "amount is missing"}],
            [(1, "unreadable", "", None)],
        ),
    ],
)  # fmt: skip
def test_a_line_is_one_of_these(
    files: str, lines: list[dict[str, Any]], expected: list[tuple[Any, ...]]
) -> None:
    file = upload(files, lines)
    found = results(files, file)
    assert found[: len(lines)] == expected
    # All that was settled on the file's days and is in no line is missing there, each once.
    missing = [seq for _, result, _, seq in found[len(lines) :] if result == "missing_there"]
    covered = {one["day"] for one in lines if "day" in one} or {"2026-11-21"}
    settled = {3, 4, 5} if min(covered) <= "2026-11-21" <= max(covered) else set()
    assert sorted(missing) == sorted(settled - {seq for *_, seq in expected})


def test_two_that_could_be_meant_are_not_chosen_from(database: str) -> None:
    log = new_log()
    log.budget()
    for day in range(2):
        log.approve(f"p{day}", 700, card_id="card-a", occurred_at=datetime(2026, 11, 20 + day, tzinfo=UTC))
        log.clear(f"p{day}", 700, card_id="card-a", occurred_at=datetime(2026, 11, 20 + day, tzinfo=UTC))
    book(database, log)
    near = line(1, 700, card_id="card-a", merchant=MERCHANT, day="2026-11-22")
    assert results(database, upload(database, [near], since="2026-11-22"))[0][1] == "missing_here"
    # On its day it is one of them, and then the other has no rival.
    exact = line(2, 700, card_id="card-a", merchant=MERCHANT, day="2026-11-20")
    both = upload(database, [near, exact], name="both")
    assert [one[1] for one in results(database, both)] == ["matched", "matched"]


def test_as_many_equal_lines_as_bookings_are_paired_one_by_one(database: str) -> None:
    log = new_log()
    log.budget()
    for n in range(3):
        log.approve(f"p{n}", 700, card_id="card-a")
        log.clear(f"p{n}", 700, card_id="card-a")
    book(database, log)
    lines = [line(n, 700, card_id="card-a", merchant=MERCHANT) for n in (1, 2)]
    found = results(database, upload(database, lines))
    assert [(result, seq) for _, result, _, seq in found] == [
        ("matched", 2),
        ("matched", 4),
        ("missing_there", 6),
    ]


def test_a_posting_that_was_taken_back_is_not_missing_there(database: str, log: DecisionLog) -> None:
    cleared = log.decisions[3]
    log.undo(cleared)
    book(database, log)
    file = upload(database, [line(1, 2000, reference="p2"), line(2, 500, refund=True, reference="ref-1")])
    assert [one[1] for one in results(database, file)] == ["matched", "matched"]
    # Where the processor tells both, both are matched.
    told = upload(
        database,
        [line(1, 1000, reference="evt-0-3"), line(2, 1000, refund=True, reference="evt-0-6")],
        name="b",
    )
    assert [one[1] for one in results(database, told)] == ["matched", "matched"]


def test_the_same_file_again_changes_nothing_and_matching_again_neither(files: str) -> None:
    lines = [line(1, 1000, reference="evt-0-3"), line(2, 77, reference="x")]
    file = upload(files, lines)
    before = query(files, "SELECT * FROM settlement_item ORDER BY n")
    assert upload(files, lines) == file
    assert run_match(files, file)
    assert query(files, "SELECT * FROM settlement_item ORDER BY n") == before


def test_a_line_of_another_file_is_a_duplicate_and_says_of_which(files: str) -> None:
    first = upload(files, [line(1, 1000, reference="evt-0-3")])
    second = upload(files, [line(1, 77), line(2, 1000, reference="evt-0-3")], name="b")
    assert results(files, second)[1][1] == "duplicate"
    twins = query(
        files, "SELECT twin_file_id, twin_n FROM settlement_item WHERE file_id = %s AND n = 2", second
    )
    assert twins == [(first, 1)]


def test_what_one_file_lacks_is_closed_by_the_next_one_that_has_it(files: str) -> None:
    first = upload(files, [line(1, 1000, reference="evt-0-3")])
    assert [one[1] for one in results(files, first)] == ["matched", "missing_there", "missing_there"]
    second = upload(files, [line(1, 2000, reference="p2", day="2026-11-22")], name="b", since="2026-11-22")
    assert [one[1] for one in results(files, first)] == ["matched", "matched_later", "missing_there"]
    # The second is replaced by one without that line: it is missing there again.
    upload(files, [line(1, 3000, day="2026-11-22")], name="c", since="2026-11-22", replaces=second)
    assert [one[1] for one in results(files, first)] == ["matched", "missing_there", "missing_there"]
    assert results(files, second) == []


def test_a_corrected_file_takes_the_place_of_the_first(files: str) -> None:
    wrong = upload(files, [line(1, 9, reference="evt-0-3"), line(2, 77, reference="x")])
    right = upload(
        files,
        [line(1, 1000, reference="evt-0-3"), line(2, 2000, reference="p2")],
        name="corrected",
        replaces=wrong,
    )
    assert [one[1] for one in results(files, right)] == ["matched", "matched", "missing_there"]
    assert query(files, "SELECT count(*) FROM settlement_item WHERE file_id = %s AND is_open", wrong) == [
        (0,)
    ]
    assert not run_match(files, wrong)


def test_what_is_booked_later_is_found_when_the_file_is_matched_again(
    database: str, log: DecisionLog
) -> None:
    file = upload(database, [line(1, 4200, authorization_id="late")])
    assert results(database, file)[0][:2] == (1, "missing_here")
    late = log.clear("late", 4200)
    book(database, log)
    assert run_match(database, file)
    assert results(database, file)[0] == (1, "matched", "", late.seq)


CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "amount": lambda one: one | {"minor": one["minor"] + 1},
    "currency": lambda one: one | {"currency": "EUR"},
    "day": lambda one: one | {"day": "2026-11-30"},
}


def test_of_many_lines_each_is_what_was_done_to_it(database: str) -> None:
    """60 payments; lines left out, changed, repeated, added, in any order."""
    rng = random.Random(7)
    log = new_log()
    log.budget()
    cleared = {}
    for n in range(60):
        amount = rng.choice([500, 700, 900])
        log.approve(f"p{n}", amount)
        cleared[f"p{n}"] = log.clear(f"p{n}", amount)
    book(database, log)
    expected: list[tuple[dict[str, Any], tuple[str, str, int | None]]] = []
    left_out = set()
    for name, decision in cleared.items():
        one = line(0, decision.amount or 0, reference=name, card_id=decision.card_id, merchant=MERCHANT)
        what = rng.choice(["same"] * 5 + [*CHANGES, "left out", "twice", "foreign"])
        if what == "left out":
            left_out.add(decision.seq)
            continue
        changed = CHANGES[what](one) if what in CHANGES else one
        kind = ("differs", what) if what in CHANGES else ("matched", "")
        expected.append((changed, (*kind, decision.seq)))
        if what == "twice":
            expected.append((one, ("duplicate", "", None)))
        if what == "foreign":
            expected.append((one | {"reference": f"f-{name}", "card_id": "x"}, ("missing_here", "", None)))
    groups = [expected[n : n + 1] for n in range(len(expected))]
    rng.shuffle(groups)
    flat = [pair for group in groups for pair in group]
    lines = [one | {"n": n, "number": n} for n, (one, _) in enumerate(flat, start=1)]
    file = upload(database, lines, since="2026-11-21", until="2026-11-30")
    found = results(database, file)
    told = [(result, differences) for _, result, differences, _ in found[: len(lines)]]
    # Of two equal lines the first is the booking's and the other repeats it.
    wanted = sorted(kind[:2] for _, kind in flat)
    assert sorted(told) == wanted
    assert {seq for _, result, _, seq in found if result == "missing_there"} == left_out
    matched = [seq for _, result, _, seq in found if result in ("matched", "differs")]
    assert len(matched) == len(set(matched))
