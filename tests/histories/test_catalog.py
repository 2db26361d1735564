"""Which of the odd policies of the histories make sense: the verifier asks the core's own check for it."""

from __future__ import annotations

import pytest

from schemas.policies import contradiction
from tests.histories.catalog import ODD_POLICIES

# One after the other, by hand, from docs/rules.md section 7.
SENSIBLE = frozenset({4, 14, 27, 29, 30, 31, 32, 34, 35, 43, 45, 47})


@pytest.mark.parametrize("number", range(len(ODD_POLICIES)))
def test_what_makes_sense_may_be_drafted_and_nothing_else(number: int) -> None:
    assert (contradiction(ODD_POLICIES[number]) is None) is (number in SENSIBLE)
