"""What is remembered, in pages: the same as in dictionaries, and never much to do at once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.stories import read_stories
from infra.stories.core import CoreRun
from schemas.reasons import Outcome
from streams.core import paged_map
from streams.core.apply import forgetting
from streams.core.apply.evolve import evolve
from streams.core.expiries import BLOCK_S, Expiries
from streams.core.intake import judge
from streams.core.paged_map import Pages
from streams.core.plans import Plans
from streams.core.sealing import seal
from streams.core.state import BUCKET_S, Answer, Department, PartitionState, Payment, Period
from streams.scoring import Scorer
from tests.golden.write import SCENARIOS
from tests.simulation.histories import history

NAMES = st.integers(0, 40).map(lambda number: f"name-{number}")


class Kept:
    """Keeps each page as it is before it changes."""

    def __init__(self, rows: Pages[str, int]) -> None:
        self.rows = rows
        self.kept: dict[int, dict[str, int] | None] = {slot: None for slot, _ in rows.pages()}

    def keep(self, page: int, name: str | None) -> None:
        if page in self.kept and self.kept[page] is None:
            self.kept[page] = self.rows.slots[page].copy()

    def all(self) -> dict[str, int]:
        for slot in self.kept:
            self.keep(slot, None)
        return {name: row for page in self.kept.values() if page is not None for name, row in page.items()}


@given(st.lists(st.tuples(st.sampled_from(("set", "set", "set", "change", "del", "drop")), NAMES)), st.data())
@settings(max_examples=200, deadline=None)
def test_pages_are_a_dictionary_and_can_be_kept_as_they_were(
    steps: list[tuple[str, str]], data: st.DataObject
) -> None:
    before = paged_map.PAGE_ROWS
    paged_map.PAGE_ROWS = data.draw(st.sampled_from((2, 3, 7)))
    try:
        rows, plain = Pages[str, int](), dict[str, int]()
        watched_from = data.draw(st.integers(0, len(steps)))
        watch, then = Kept(rows), plain
        for number, (what, name) in enumerate(steps):
            if number == watched_from:
                watch, then = Kept(rows), dict(plain)
                rows.watch = watch
            _play(rows, plain, what, name, number)
            assert len(rows) == len(plain) == sum(len(page) for _, page in rows.pages())
            assert {key: rows.get(key) for key in plain} == plain == dict(rows.items())
            assert (name in rows) is (name in plain)
        if rows.watch is not None:
            assert watch.all() == then
            rows.watch = None
        encoded = msgspec.msgpack.encode(rows)
        again = msgspec.msgpack.decode(encoded, type=Pages[str, int])
        assert dict(again.items()) == plain
        assert again == rows
        assert (again != rows) is False
        again["one more"] = 1
        assert again != rows
    finally:
        paged_map.PAGE_ROWS = before


def _play(rows: Pages[str, int], plain: dict[str, int], what: str, name: str, value: int) -> None:
    match what:
        case "set":
            rows[name] = plain[name] = value
        case "change":
            assert rows.change(name) == plain.get(name)
        case "del" if name in plain:
            del rows[name], plain[name]
        case "drop":
            for slot, page in list(rows.pages()):
                gone = [one for one in page if one <= name and one[-1] == name[-1]]
                for one in gone:
                    del plain[one]
                rows.drop(slot, gone)


@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK_S), st.integers(0, 5)), unique=True), st.randoms())
@settings(max_examples=200, deadline=None)
def test_expiries_are_the_open_holds_in_order(entries: list[tuple[int, int]], rng: random.Random) -> None:
    expiries, known = Expiries(), set[tuple[int, str]]()
    for at_s, number in entries:
        expiries.add(at_s, f"a{number}")
        known.add((at_s, f"a{number}"))
        while known and rng.random() < 0.3:
            gone = rng.choice(sorted(known))
            expiries.remove(*gone)
            known.remove(gone)
        assert list(expiries) == sorted(known)
        assert expiries.earliest_s() == (min(known)[0] if known else None)


# -- forgetting


def _played(scenario: str) -> list[bytes]:
    values: list[bytes] = []
    for story in read_stories([SCENARIOS / scenario]):
        run = CoreRun(on_step=lambda step: values.append(step.value))
        for line in story.lines:
            run.play(line)
    return values


def _decided(seed: int) -> list[bytes]:
    """A history whose time goes on by days with each event."""
    state, plans, scorer, values = PartitionState(0), Plans(), Scorer(warm_up=5, ns_max=math.inf), []
    for number, record in enumerate(history(seed, 150)):
        value = record.value
        at = record.recorded_at + timedelta(days=number)
        if value is not None:
            for day in range(1, 4):
                value = value.replace(b"2026-11-%02dT" % day, at.strftime("%Y-%m-%dT").encode())
        decision, sealed = seal(judge(state, record._replace(recorded_at=at, value=value), 1, scorer, plans))
        evolve(state, decision)
        values.append(sealed)
    return values


CASES: dict[str, Callable[[], list[bytes]]] = {
    **{name: lambda name=name: _played(name) for name in ("memory.txt", "expiry.txt", "disputes.txt")},  # type: ignore[misc]
    **{f"seed {seed}": lambda seed=seed: _decided(seed) for seed in range(4)},  # type: ignore[misc]
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rows", [2, 5])
def test_what_is_over_is_gone_at_once_however_slowly_its_rows_go(
    case: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = CASES[case]()
    monkeypatch.setattr(forgetting, "ROWS_A_DECISION", rows)
    monkeypatch.setattr(paged_map, "PAGE_ROWS", rows)
    assert CASES[case]() == at_once


@pytest.mark.parametrize("payments", [100, 5_000, 40_000])
def test_no_decision_forgets_more_than_a_few_hundred_rows(payments: int) -> None:
    """At the end of a bucket all of them are over."""
    department = _full(payments)
    forgetting.begin(department, 10)
    most = forgetting.ROWS_A_DECISION + 4 * paged_map.PAGE_ROWS
    steps = 0
    while department.sweep is not None:
        before = len(department.payments) + len(department.answers)
        forgetting.sweep(department, department.sweep)
        steps += 1
        assert before - len(department.payments) - len(department.answers) <= most
        assert department.payment("a0") is None is department.answer("e0")
    assert not len(department.payments) and not len(department.answers) and not list(department.periods)
    assert steps >= 2 * payments // most
    assert steps == 1 or payments > 100, "what is small is gone at once"


def _full(payments: int) -> Department:
    department = Department("o", "d", "USD", 1)
    department.periods["gone@1970-01"] = Period(0, -20, ends_s=BUCKET_S)
    for number in range(payments):
        department.payments[f"a{number}"] = Payment(("gone@1970-01",), 1)
        department.answers[f"e{number}"] = Answer(1, number, "t", "", 1, Outcome.APPROVED)
    return department


def _looked_at(department: Department) -> Iterator[int]:
    while department.sweep is not None:
        before = department.sweep.slot
        forgetting.sweep(department, department.sweep)
        yield before


def test_a_bucket_that_ends_meanwhile_is_swept_after() -> None:
    department = _full(5_000)
    forgetting.begin(department, 4)  # bucket 1 is still remembered
    next(_looked_at(department))
    forgetting.begin(department, 5)
    assert len(list(islice(_looked_at(department), 1_000))) < 1_000
    assert not len(department.payments)
