"""The demo's month with misuse: the same for a seed, labels late, enough of them in its middle."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.demo.misuse import DEPARTMENT, LABELLED_AFTER, MonthWatch, plan
from schemas.codec import decode_event, encode_event
from schemas.decisions import Decision, Score
from schemas.events import AuthorizationLabelled, AuthorizationRequested
from schemas.reasons import Outcome

UNTIL = datetime(2026, 11, 28, 12, tzinfo=UTC)
MONTH = plan("acme", UNTIL)


def test_the_same_seed_is_the_same_month_in_the_order_of_time_and_readable() -> None:
    assert plan("acme", UNTIL) == MONTH != plan("acme", UNTIL, seed=12)
    events = [*MONTH.first, *MONTH.second]
    assert [one.occurred_at for one in events] == sorted(one.occurred_at for one in events)
    assert len({one.event_id for one in events}) == len(events)
    assert all(decode_event(encode_event(one)) == one for one in events[::50])
    assert {one.department_id for one in events} == {DEPARTMENT}


def test_every_label_is_of_misuse_and_late_and_half_a_month_has_enough_to_learn_from() -> None:
    asked = {one.authorization_id: one for one in MONTH.first if isinstance(one, AuthorizationRequested)}
    labels = [one for one in MONTH.first if isinstance(one, AuthorizationLabelled)]
    assert len(labels) >= 30
    for label in labels:
        assert label.authorization_id in MONTH.misused
        assert label.occurred_at - asked[label.authorization_id].occurred_at == LABELLED_AFTER
    fences = {one.merchant.name for name, one in asked.items() if name in MONTH.misused}
    good = [one for name, one in asked.items() if name not in MONTH.misused and one.merchant.name in fences]
    assert len(good) >= 3, "good purchases are made there, too"


@pytest.mark.parametrize(
    ("flagged", "found"), [(("m0", "m1"), (2, 56, 0)), (("m0", "00"), (1, 56, 1)), ((), (0, 56, 0))]
)
def test_what_was_flagged_is_counted_by_what_it_was(
    flagged: tuple[str, ...], found: tuple[int, int, int]
) -> None:
    watch = MonthWatch("acme", MONTH)
    for name in flagged:
        decision = Decision(
            partition=0,
            seq=0,
            source_offset=0,
            recorded_at=UNTIL,
            outcome=Outcome.APPROVED,
            organization_id="acme",
            department_id=DEPARTMENT,
            authorization_id=f"trip-03-{name}",
            score=Score(0.9, "m", "1", flagged=True),
        )
        assert watch.hears(decision)
    assert watch.half(MONTH.first) == found
    assert watch.half(MONTH.second)[0] == 0
