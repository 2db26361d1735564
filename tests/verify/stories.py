"""Seeded stories of a company in which everything that may happen happens, in any order, right or wrong.

Nothing is expected of single answers here: whatever the core says, log and books must be true to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from schemas.events import (
    AuthorizationAdvised,
    AuthorizationExpired,
    AuthorizationIncremented,
    AuthorizationLabelled,
    AuthorizationRequested,
    AuthorizationReversed,
    BalanceInquired,
    ClearingPresented,
    ClockTicked,
    DisputeOpened,
    DisputeResolved,
    ModelPublished,
    PostingReversed,
    RefundPresented,
    RefundReversed,
    VerificationRequested,
)
from tests.verify.logs import Company
from tests.verify.published import MODELS
from tests.verify.teller import MERCHANTS, SPENDERS, Teller

Act = Callable[[str], None]
ENTRY_MODES = ("chip", "ecommerce", None)


class Storyteller(Teller):
    """Payments in the hands of such people, one event after the other."""

    def tell(self, events: int) -> Company:
        """Returns the company after so many events more."""
        usual, rare = self._usual(), self._rare()
        for _ in range(events):
            self._now += timedelta(seconds=self._rng.expovariate(1 / 9_000))
            self._rng.choice(usual if self._rng.random() < 0.85 else rare)(self._rng.choice(SPENDERS))
        self.company.book()
        return self.company

    # -- what may happen

    def _usual(self) -> list[Act]:
        often = [self._request] * 4 + [self._clear] * 3
        return [*often, self._increment, self._reverse, self._refund]

    def _rare(self) -> list[Act]:
        found: list[Act] = [self._advise, self._expire, self._undo_refund, self._dispute, self._resolve]
        found += [
            self._undo_posting,
            self._verify,
            self._tick,
            self._wait,
            self._repeat,
            self._more,
        ]
        found += [self._card, self._freeze, self._budget, self._policy, self._policy]
        found += [self._time_out, self._ask, self._ask, *[self._answer] * 4]
        found += [self._stand_in, self._stand_in]
        return [*found, self._cap] if self._capped else found

    def _request(self, department: str) -> None:
        known = self._rng.random() < 0.1
        self._pay(department, self._payment(department) if known else self._new_payment(department))

    def _time_out(self, department: str) -> None:
        """A timeout, perhaps of one request only; and perhaps that request, or another, comes after it."""
        first = [
            (event.authorization_id, event.event_id)
            for event, _ in self._repeats[-100:]
            if isinstance(event, AuthorizationRequested) and event.department_id == department
        ]
        name, event_id = self._new_payment(department), f"e{next(self._ids)}"
        if first and self._rng.random() < 0.4:
            name, event_id = self._rng.choice(first)
        elif self._rng.random() < 0.4:
            name = self._payment(department)
        self._tell(
            AuthorizationReversed,
            department,
            authorization_id=name,
            cause="timeout",
            request_id=self._rng.choice((None, event_id, event_id)),
        )
        for late in self._rng.sample((event_id, None), self._rng.choice((0, 1, 2))):
            self._pay(department, name, late)

    def _pay(self, department: str, payment: str, event_id: str | None = None) -> None:
        amount = self._amount()
        self._tell(
            AuthorizationRequested,
            department,
            event_id=event_id,
            authorization_id=payment,
            card_id=self._card_id(department),
            amount=amount,
            merchant=self._rng.choice(MERCHANTS),
            cardholder=self._rng.choice(("ann", "bob", None)),
            entry_mode=self._rng.choice(ENTRY_MODES),
            partial_allowed=self._rng.random() < 0.4,
            **self._foreign(amount),
        )

    def _increment(self, department: str) -> None:
        self._tell(
            AuthorizationIncremented,
            department,
            authorization_id=self._payment(department),
            card_id=self._card_id(department),
            amount=self._amount(20_000),
            merchant=self._rng.choice((*MERCHANTS, None)),
        )

    def _advise(self, department: str) -> None:
        amount = self._amount()
        self._tell(
            AuthorizationAdvised,
            department,
            authorization_id=self._payment(department),
            card_id=self._card_id(department),
            amount=amount,
            merchant=self._rng.choice(MERCHANTS),
            approved=self._rng.random() < 0.8,
            **self._foreign(amount),
        )

    def _reverse(self, department: str) -> None:
        self._tell(
            AuthorizationReversed,
            department,
            authorization_id=self._payment(department),
            amount=self._rng.choice((None, self._amount(5_000))),
            cause=self._rng.choice(("merchant", "timeout")),
        )

    def _expire(self, department: str) -> None:
        self._tell(AuthorizationExpired, department, authorization_id=self._payment(department))

    def _clear(self, department: str) -> None:
        amount = self._amount(30_000)
        self._tell(
            ClearingPresented,
            department,
            authorization_id=self._payment(department),
            card_id=self._card_id(department),
            amount=amount,
            final=self._rng.random() < 0.6,
            merchant=self._rng.choice((*MERCHANTS, None)),
            **self._foreign(amount),
        )

    def _refund(self, department: str) -> None:
        name = f"r{next(self._ids)}"
        self._refunds.append((department, name))
        payment = None
        if self._rng.random() < 0.9:
            known = (department, self._payment(department), 0)
            department, payment, _ = self._rng.choice([*self._postings[-20:], known])
        self._tell(
            RefundPresented,
            department,
            card_id=self._card_id(department),
            amount=self._amount(10_000),
            authorization_id=payment,
            refund_id=name,
            merchant=self._rng.choice(MERCHANTS),
        )

    def _undo_refund(self, department: str) -> None:
        department, name = self._rng.choice(self._refunds[-20:] or [(department, "r0")])
        amount = self._rng.choice((None, self._amount(4_000)))
        self._tell(RefundReversed, department, refund_id=name, amount=amount)

    def _dispute(self, department: str) -> None:
        department, payment, _ = self._rng.choice(self._postings[-20:] or [(department, "a0", 0)])
        name = f"d{next(self._ids)}"
        self._disputes.append((department, name))
        self._tell(
            DisputeOpened,
            department,
            dispute_id=name,
            authorization_id=payment,
            amount=self._amount(5_000),
            provisional_credit=self._rng.random() < 0.5,
        )

    def _resolve(self, department: str) -> None:
        department, name = self._rng.choice(self._disputes[-10:] or [(department, "d0")])
        self._tell(
            DisputeResolved,
            department,
            dispute_id=name,
            outcome=self._rng.choice(("won", "lost", "withdrawn")),
        )

    def _undo_posting(self, department: str) -> None:
        department, payment, seq = self._rng.choice(self._postings[-20:] or [(department, "a0", 0)])
        self._tell(PostingReversed, department, authorization_id=payment, seq=seq)
        self._tell(
            AuthorizationLabelled, department, authorization_id=payment, label="fraud", source="review"
        )

    def _verify(self, department: str) -> None:
        card, merchant = self._card_id(department), self._rng.choice(MERCHANTS)
        self._tell(VerificationRequested, department, card_id=card, merchant=merchant)
        self._tell(BalanceInquired, department, card_id=card)
        content, digest = MODELS[len(self._payments) % len(MODELS)]
        self._tell(ModelPublished, department, model=content, digest=digest)

    def _tick(self, department: str) -> None:
        self._tell(ClockTicked, department)

    def _wait(self, department: str) -> None:
        self._now += timedelta(days=self._rng.choice((3, 12, 12, 35)))
        self._tell(ClockTicked, department)

    def _repeat(self, department: str) -> None:
        event, at = self._rng.choice(self._repeats[-50:])
        self.company.decide(event, max(at, self._now))
