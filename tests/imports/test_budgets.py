"""Budgets that an export does not have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.imports.budgets import Budgets
from infra.imports.row import Row


def row(month: str, minor: int, *, refund: bool = False, department: str = "eng") -> Row:
    at = datetime.fromisoformat(f"{month}-15T12:00:00").replace(tzinfo=UTC)
    return Row(
        line=1,
        id="r",
        organization="city",
        department=department,
        department_name=department,
        card="c",
        merchant="m",
        mcc=None,
        minor=minor,
        currency="GBP",
        at=at,
        posted_at=at,
        refund=refund,
    )


SPENT = [
    row("2019-01", 1000),
    row("2019-02", 2000),
    row("2019-02", 500, refund=True),
    row("2019-03", 3000),
    row("2019-04", 9999),
    row("2019-08", 400),
    row("2019-08", 100),
]


@pytest.mark.parametrize(
    ("month", "limit"),
    [
        ("2019-01", 1250),  # its first month: its own, 1000
        ("2019-02", 1250),  # the mean of what there is: 1000
        ("2019-03", 1875),  # (1000 + 2000) / 2; a refund is no spending
        ("2019-04", 2500),  # (1000 + 2000 + 3000) / 3
        ("2019-05", 6249),  # (2000 + 3000 + 9999) / 3 = 4999.67, times 1.25, rounded down
        ("2019-07", 4166),  # (3 months, of which two without any)
        ("2019-08", 625),  # a pause of three months: its own, 500
    ],
)
def test_a_limit_is_the_factor_times_the_mean_of_the_three_months_before(month: str, limit: int) -> None:
    assert Budgets(SPENT, "UTC", 1.25).limit(("city", "eng"), month) == limit


def test_a_department_of_refunds_alone_may_spend_nothing() -> None:
    assert Budgets([row("2019-01", 5, refund=True)], "UTC", 1.25).limit(("city", "eng"), "2019-01") == 0
