"""When a declined amount passes: the same rules at the next moments at which something makes room."""

from __future__ import annotations

from collections import Counter
from itertools import groupby, islice
from typing import Final, NamedTuple

from infra.verify.calendar import ends_s
from infra.verify.controls import charges, limits_of, rule_of
from infra.verify.lapses import next_to_lapse
from infra.verify.state import COMPANY, RULE, Department, parts
from infra.verify.usage import Usage
from infra.verify.verdicts import Question, fits, judge

MOMENTS_MAX: Final = 8
KINDS: Final = ("hold_expires", "period_starts", "increase_starts")


class Moment(NamedTuple):
    """From `at_s`, seconds since 1970, something makes room. Of several things the least is named."""

    at_s: int
    kind: int
    subject: str

    @property
    def because(self) -> str:
        return KINDS[self.kind]


def later(department: Department, usage: Usage, asked: Question) -> Moment | None:
    """The first of the next moments at which all that is asked passes; None: at none of them."""
    now_s = max(department.clock_s, asked.purchase.at_s)
    holds = list(next_to_lapse(department))
    ahead = [Moment(expires_s, 0, name) for expires_s, name in holds if expires_s > now_s]
    things = sorted([*ahead, *_ends_and_starts(department, asked, now_s)])
    for at_s, group in islice(groupby(things, lambda thing: thing.at_s), MOMENTS_MAX):
        released: Counter[str] = Counter()
        for expires_s, name in holds:
            if expires_s <= at_s:
                payment = department.payments[name]
                released.update(dict.fromkeys(payment.charges, payment.held))
        purchase = asked.purchase._replace(at_s=at_s)
        then = asked._replace(purchase=purchase, charges=charges(department, purchase), taken=released)
        # Mostly there is no room yet, and nothing else need be asked.
        if not fits(department, then):
            continue
        then = then._replace(limits=limits_of(department, purchase))
        if not judge(department, usage, then).reasons:
            return next(group)
    return None


def _ends_and_starts(department: Department, asked: Question, now_s: int) -> list[Moment]:
    """Ends of the periods in which the request would count, and starts of increases there."""
    found = []
    for charge in asked.charges:
        what, _ = parts(charge)
        if what == COMPANY:
            subject, calendar = what, department.cap
        elif what.startswith(RULE):
            rule = rule_of(department, what)
            subject, calendar = ":".join(what.split(":", 2)[:2]), rule.calendar if rule else None
        else:
            budget = department.budgets[what]
            subject, calendar = what, budget.calendar
            found += [Moment(starts_s, 2, what) for starts_s, _, _ in budget.increases if starts_s > now_s]
        end_s = None if calendar is None else ends_s(calendar, asked.purchase.at_s)
        if end_s is not None and end_s > now_s:
            found.append(Moment(end_s, 1, subject))
    return found
