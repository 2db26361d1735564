"""What each decision of a partition has posted, so that nothing else can be taken back, and nothing twice."""

from __future__ import annotations

from array import array

#: organization_id, department_id, authorization_id: departments may have the same ids.
Name = tuple[str | None, str | None, str]


class Postings:
    """By seq: 16 bytes for each decision up to the last that posted. Most never matter, but any may."""

    def __init__(self) -> None:
        self._amounts = array("q")  # minor units, FX difference included
        self._payments = array("q")  # hashes of their names
        self._fx: dict[int, int] = {}
        self._undone: set[int] = set()

    def add(self, seq: int, payment: Name, amount: int, *, fx: bool) -> None:
        """`amount` more was posted by this decision; `fx`: as a difference, below zero for a gain."""
        while len(self._amounts) <= seq:
            self._amounts.append(0)
            self._payments.append(0)
        self._amounts[seq] += amount
        self._payments[seq] = hash(payment)
        if fx:
            self._fx[seq] = self._fx.get(seq, 0) + amount

    def take_back(self, seq: int, payment: Name, amount: int, fx: int) -> str | None:
        """What is wrong with taking back `amount`, of it `fx` as a difference; None: nothing."""
        again = seq in self._undone
        self._undone.add(seq)
        if again:
            return f"takes back the posting of decision {seq} a second time"
        to_it = seq < len(self._amounts) and self._payments[seq] == hash(payment)
        if to_it and (self._amounts[seq], self._fx.get(seq, 0)) == (amount, fx):
            return None
        return f"takes back what decision {seq} did not post to {payment[-1]}"

    def of(self, seq: int, payment: Name) -> tuple[int, int] | None:
        """What a decision posted to the payment, difference included, and that difference; None: nothing."""
        if seq >= len(self._amounts) or self._payments[seq] != hash(payment):
            return None
        return self._amounts[seq], self._fx.get(seq, 0)

    def is_undone(self, seq: int) -> bool:
        return seq in self._undone
