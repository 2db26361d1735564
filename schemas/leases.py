"""Effects of leases, on a company's cap or on the budget of a department that is split."""

from __future__ import annotations

from schemas.administration import TREASURY
from schemas.controls import Calendar
from schemas.effect import Charges, Effect


class CapChanged(Effect, tag="cap_changed", frozen=True, kw_only=True):
    """Treasury: all departments together may authorize `limit` in each period of `calendar`."""

    limit: int
    calendar: Calendar
    departments: tuple[str, ...]


class ShardsSet(Effect, tag="shards_set", frozen=True, kw_only=True):
    """Department: from here on it lends its own budget, in periods of `calendar`, to `shards`."""

    shards: tuple[str, ...]
    calendar: Calendar


class LeaseGiven(Effect, tag="lease_given", frozen=True, kw_only=True):
    """Lender: `amount` (from 0) of the cap's `period` now belongs to `department`.

    `short`: what it needs beyond that, and gets when another department gives back. `charges`: the periods of
    the lender whose limits are lower by `amount` now; none of a treasury, which spends nothing.
    """

    department: str
    period: str
    amount: int
    calendar: Calendar
    short: int
    charges: Charges = ()


class LeaseRecallSent(Effect, tag="lease_recall_sent", frozen=True, kw_only=True):
    """Lender: `department` is asked to give back what it does not use."""

    department: str
    period: str


class LeaseTaken(Effect, tag="lease_taken", frozen=True, kw_only=True):
    """Lender: `department` gave back `amount` (from 0) of its lease on `period`. `charges`: have it again."""

    department: str
    period: str
    amount: int
    charges: Charges = ()


class LeaseAsked(Effect, tag="lease_asked", frozen=True, kw_only=True):
    """Department: `needed` minor units more of `period` are asked for, of `lender`."""

    period: str
    needed: int
    lender: str = TREASURY


class LeaseAdded(Effect, tag="lease_added", frozen=True, kw_only=True):
    """Department: `amount` (from 0) more of the cap's `period` is its own, lent by `lender`."""

    period: str
    amount: int
    calendar: Calendar
    lender: str = TREASURY


class LeaseGivenBack(Effect, tag="lease_given_back", frozen=True, kw_only=True):
    """Department: `amount` (from 0) of its lease is `lender`'s again."""

    period: str
    amount: int
    lender: str = TREASURY
