"""The bench of stops goes through all that it names; and what is done is bounded by counts, not by clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from perf import stalls
from perf.harness import Scale
from perf.partition import START, Partition, budget, requests_from
from perf.results import rows
from schemas.reasons import Outcome
from streams.core.paged_map import Pages
from streams.core.rules.ruleset import Allowance
from streams.core.state import Answer, Department
from streams.snapshotting import Rows

ANSWER = Answer(1, 0, "budget.set", "0123456789abcdef", None, Outcome.ACCEPTED)


def test_every_stop_has_its_figure() -> None:
    result = stalls.run(Scale(stall_payments=3_000, stall_others=50))
    table = rows({"stalls": result})
    assert len(table) == 6
    assert all(row.value > 0 for row in table)
    assert {row.goal for row in table} == {10}


@pytest.mark.parametrize("budgets", [10, 100, 1_000])
def test_a_budget_more_makes_few_ready_however_many_there_are(
    budgets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    partition, requests = Partition(), requests_from(START)
    partition.play(budget("department", START))
    for number in range(budgets):
        place = {"budget_id": f"b{number}", "level": "card", "subject": f"card-{number}"}
        partition.play(budget(f"b{number}", START, **place))
    made = 0
    init = Allowance.__init__

    def counting(one: Allowance, *args: object, **more: object) -> None:
        nonlocal made
        made += 1
        init(one, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Allowance, "__init__", counting)
    partition.play(budget("one more", START, budget_id="more", level="card", subject="card-1"))
    partition.play(next(requests))
    assert 1 <= made <= 6


class Counted(Mapping[str, Department]):
    """Departments that count who looks at them."""

    def __init__(self, departments: dict[str, Department]) -> None:
        self.departments, self.looked_at = departments, 0

    def __getitem__(self, key: str) -> Department:
        self.looked_at += 1
        return self.departments[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.departments)

    def __len__(self) -> int:
        return len(self.departments)


def test_what_is_remembered_is_counted_where_it_has_changed() -> None:
    departments = {f"o/d{number}": Department("o", f"d{number}", "USD", 1) for number in range(500)}
    rows_, seen = Rows(), Counted(departments)
    for one in departments.values():
        one.answers["a"] = ANSWER
    rows_.count(seen)
    assert (rows_.total, seen.looked_at) == (500, 500)
    departments["o/d7"].answers["b"] = ANSWER
    rows_.count(changed := Counted({"o/d7": departments["o/d7"]}))
    assert (rows_.total, changed.looked_at) == (501, 1)
    departments["o/d7"].answers = Pages()
    rows_.count(changed)
    assert rows_.total == 499
