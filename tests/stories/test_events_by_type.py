"""An event that has no verb of its own is told by its type, with its members by their names."""

from __future__ import annotations

import pytest

from infra.stories import StoryError
from tests.stories.test_language import event


@pytest.mark.parametrize(
    ("by_type", "by_verb"),
    [
        ("card.frozen card_id=card-7 actor=ann", "freeze card-7 by ann"),
        (
            'authorization.incremented authorization_id=A1 card_id=card-1 amount="USD 1,020.50"',
            "increment A1 USD 1,020.50",
        ),
        ("dispute.resolved dispute_id=D1 outcome=won +2 days", "resolve D1 won +2 days"),
        (
            'dispute.opened dispute_id="7" authorization_id=A1 amount="JPY 500" provisional_credit=true',
            "dispute 7 JPY 500 of A1 provisional",
        ),
        ('policy.activated policy_version=2 actor="Ann Lee"', 'activate 2 by "Ann Lee"'),
        ('card.set card={"card_id":"c1","single_use":true}', "card c1 single-use"),
        ("in _treasury: lease.returned department=eng period=2026-11 needed=1", ""),
        ("card.frozen card=card-7", ""),
        ("card.frozen card_id=7", ""),
        ('card.frozen card_id=card-7 amount="USD 1.00"', ""),
        ("card.thawed card_id=card-7", ""),
    ],
)
def test_an_event_without_a_verb_is_told_by_its_type(by_type: str, by_verb: str) -> None:
    if by_verb:
        assert event(by_type) == event(by_verb)
    else:
        with pytest.raises(StoryError):
            event(by_type)
