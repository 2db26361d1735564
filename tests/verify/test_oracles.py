"""Each oracle against a true log, and against the lie that it is there for."""

from __future__ import annotations

import copy

import msgspec
import pytest

from infra.verify.records import LedgerRow, Record
from schemas.effects import Posted
from schemas.event import Merchant
from schemas.reasons import Outcome
from tests.verify.logs import UNTIL, World, true_world, violated

TRUE = true_world()


@pytest.fixture
def world() -> World:
    """A world of its own for each test."""
    return copy.deepcopy(TRUE)


def drop(world: World, seq: int) -> None:
    """A decision and its rows, gone from log and ledger."""
    del world.values[seq], world.decisions[seq]
    world.rows = [row for row in world.rows if row.seq != seq]
    world.transfers = [row for row in world.transfers if row.seq != seq]


def test_a_true_log_and_true_books_hold(world: World) -> None:
    report, check = world.check()
    assert violated(report) == {}
    assert check.count == len(world.events) > 700
    for id_ in ("O2", "O3", "O8", "O9"):
        assert report[id_].checked == check.count, id_
    assert report["O4"].checked > 300
    assert report["O6"].checked > 1_000
    kinds = {decision.event_type for decision in world.decisions}
    assert len(kinds - {None}) >= 5
    assert any(decision.duplicate_of is not None for decision in world.decisions)


def test_a_removed_decision_is_found(world: World) -> None:
    seq = world.an_approval()
    offset = world.decisions[seq].source_offset
    drop(world, seq)
    found = violated(world.check()[0])
    assert f"card event 2@{offset} has no decision" in found["O2"]
    assert found["O3"] == [f"decision 2:{seq + 1} where 2:{seq} must be"]
    assert f"expected decision 2:{seq}, found 2:{seq + 1}: the log has a gap" in found["O9"][0]


def test_a_decision_removed_without_a_trace_in_the_chain_is_found(world: World) -> None:
    seq = world.an_approval()
    offset = world.decisions[seq].source_offset
    del world.values[seq], world.decisions[seq]
    world.decisions = [msgspec.structs.replace(found, seq=n) for n, found in enumerate(world.decisions)]
    world.seal()
    world.book()
    found = violated(world.check()[0])
    assert f"card event 2@{offset} has no decision" in found["O2"]
    assert "O9" not in found


def test_the_last_decision_removed_is_found(world: World) -> None:
    drop(world, len(world.values) - 1)
    assert "has no decision" in violated(world.check()[0])["O2"][0]


def test_an_event_decided_twice_is_found(world: World) -> None:
    seq = world.an_approval()
    world.decisions.insert(seq + 1, world.decisions[seq])
    world.values.insert(seq + 1, b"")
    world.decisions = [msgspec.structs.replace(found, seq=n) for n, found in enumerate(world.decisions)]
    world.seal()
    world.book()
    found = violated(world.check()[0])
    assert f"decision 2:{seq + 1} is of card event 2@{world.decisions[seq].source_offset}" in found["O2"][0]
    assert any("was decided at" in line for line in found["O3"])
    assert any("has a second final decision" in line for line in found["O3"])
    assert f"decision 2:{seq + 1} of card event" in found["O8"][0]


def test_a_record_that_is_in_the_log_twice_is_found(world: World) -> None:
    seq = world.an_approval()
    world.values.insert(seq + 1, world.values[seq])
    found = violated(world.check()[0])
    assert found["O3"][0] == f"decision 2:{seq} where 2:{seq + 1} must be"
    assert "O8" in found
    assert "O9" in found


def test_a_broken_hash_is_found(world: World) -> None:
    seq = world.an_approval()
    world.values[seq] = world.values[seq].replace(b'"outcome":"approved"', b'"outcome":"declined"')
    found = violated(world.check()[0])
    assert found["O9"] == [
        f"partition 2 offset {seq * 2}: expected decision 2:{seq}, found decision 2:{seq}: its bytes do not "
        f"match its hash {world.decisions[seq].hash[:12]}"
    ]
    assert "does not hold the decision's bytes" in found["O2"][1]


def test_bytes_that_are_no_decision_are_found(world: World) -> None:
    seq = world.an_approval()
    world.values[seq] = b"{}"
    found = violated(world.check()[0])
    assert f"partition 2 offset {seq * 2}: expected decision 2:{seq}, found Object missing" in found["O9"][0]
    assert "O2" in found


def test_decisions_in_another_order_than_their_events_are_found(world: World) -> None:
    seq = world.an_approval()
    one, two = world.decisions[seq : seq + 2]
    world.decisions[seq] = msgspec.structs.replace(two, seq=seq)
    world.decisions[seq + 1] = msgspec.structs.replace(one, seq=seq + 1)
    world.seal()
    world.book()
    assert violated(world.check()[0])["O8"] == [
        f"decision 2:{seq + 1} of card event {one.source_offset} after that of {two.source_offset}"
    ]


def test_a_decision_of_another_amount_than_its_event_is_found(world: World) -> None:
    seq = world.an_approval()
    amount = world.decisions[seq].amount
    assert amount
    world.change(seq, amount=amount + 1)
    assert (
        f"decision 2:{seq} is not of its card event: amount {amount} became {amount + 1}"
        in violated(world.check()[0])["O2"]
    )


@pytest.mark.parametrize(
    "members",
    [
        {"card_id": "another"},
        {"cardholder": "another"},
        {"occurred_at": UNTIL},
        {"merchant": None},
        {"merchant": Merchant(name="Another")},
        {"entry_mode": "manual"},
        {"authorization_id": "another"},
    ],
    ids=str,
)
def test_a_decision_of_another_content_than_its_event_is_found(
    world: World, members: dict[str, object]
) -> None:
    seq = world.an_approval()
    world.change(seq, **members)
    found = violated(world.check()[0])["O2"]
    assert any(line.startswith(f"decision 2:{seq} is not of its card event: ") for line in found)


def test_a_repeat_with_another_answer_is_found(world: World) -> None:
    seq = world.find(lambda found: found.duplicate_of is not None and found.outcome == "approved")
    world.change(seq, outcome=Outcome.DECLINED)
    assert f"decision 2:{seq} repeats" in violated(world.check()[0])["O3"][0]


def test_a_repeat_that_grants_another_amount_is_found(world: World) -> None:
    seq = world.find(lambda found: found.duplicate_of is not None and found.outcome == "approved")
    amount = world.decisions[seq].amount
    assert amount
    world.change(seq, amount=amount - 1)
    assert f"decision 2:{seq} repeats" in violated(world.check()[0])["O3"][0]


def test_a_repeat_that_moves_money_is_found(world: World) -> None:
    seq = world.find(
        lambda found: found.duplicate_of is not None and found.event_type == "clearing.presented"
    )
    repeated = world.decisions[seq]
    assert repeated.authorization_id
    posting = Posted(
        authorization_id=repeated.authorization_id, charges=("department@2026-11",), amount=1, final=True
    )
    world.change(seq, effects=(posting,))
    assert f"decision 2:{seq} is a repeat and moves money again" in violated(world.check()[0])["O3"]


def test_a_changed_booking_is_found(world: World) -> None:
    row = world.transfers[100]
    world.transfers[100] = row._replace(booking=row.booking._replace(amount=row.booking.amount + 1))
    found = violated(world.check()[0])
    assert list(found) == ["O6"]
    assert f"transfer 2:{row.seq}/{row.booking.n} is " in found["O6"][0]


def test_a_booking_between_the_wrong_accounts_is_found(world: World) -> None:
    row = world.transfers[100]
    turned = row.booking._replace(debit=row.booking.credit, credit=row.booking.debit)
    world.transfers[100] = row._replace(booking=turned)
    assert list(violated(world.check()[0])) == ["O6"]


def test_a_missing_and_an_invented_booking_are_found(world: World) -> None:
    row = world.transfers.pop(100)
    invented = world.transfers[-1]._replace(seq=len(world.values) + 5)
    world.transfers.append(invented)
    found = violated(world.check()[0])["O6"]
    assert f"transfer 2:{row.seq}/{row.booking.n} is missing" in found[0]
    assert f"transfer 2:{invented.seq}/{invented.booking.n} follows from no decision" in found[1]


def test_a_ledger_row_that_is_missing_changed_or_invented_is_found(world: World) -> None:
    world.rows[10] = world.rows[10]._replace(
        outcome="declined" if world.rows[10].outcome != "declined" else "x"
    )
    del world.rows[20]
    world.rows.append(LedgerRow(99_999, 0, None, "rejected", "", b""))
    found = violated(world.check()[0])["O2"]
    assert "ledger row 2:10 is" in found[0]
    assert found[1:] == ["decision 2:20 is not in the ledger", "ledger row 2:99999 is not in the log"]


def test_an_event_that_was_slipped_in_is_found(world: World) -> None:
    world.events.append(Record(world.events[-1].offset + 1, b"{}"))
    report, _ = world.check()
    assert violated(report)["O2"] == [f"card event 2@{world.events[-1].offset} has no decision"]
    assert list(report["O2"].findings) == [None]  # nobody knows whose it is


def test_many_violations_are_counted_and_the_first_ten_are_shown(world: World) -> None:
    del world.rows[10:60]
    report, _ = world.check()
    assert report["O2"].violations == 50
    of = {decision.organization_id for decision in world.decisions[10:60]}
    assert {name for name in report["O2"].findings if name is not None} == {name for name in of if name}
    assert sum(found.violations for found in report["O2"].findings.values()) == 50
    assert len(report["O2"].examples) == 10
    assert not report.ok
    told = {oracle["id"]: oracle for oracle in report.as_json()["oracles"]}
    assert told["O2"]["violations"] == 50
    assert told["O9"]["ok"] is True
