"""Bursts of what cards and networks cause: each kind builds up a state that others come back to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Literal

import schemas.events as ev
from schemas.money import MINOR_MAX, PositiveMoney
from tests.hostile.world import CURRENCY, DAY, World

#: Seconds, minutes, hours, days; to the edge of a hold's validity, a memory span, a year; and back.
SPANS = (
    timedelta(seconds=1),
    timedelta(seconds=59, microseconds=999_999),
    timedelta(hours=1),
    DAY,
    7 * DAY,
    7 * DAY + timedelta(seconds=1),
    8 * DAY,
    30 * DAY,
    31 * DAY,
    61 * DAY,
    121 * DAY,
    -DAY,
    -31 * DAY,
)
RATES = (
    "1",
    "1.0834",
    "0.00072341",
    "1382.5",
    "1E-3",
    "1e99",
    "9" * 32,
    ".5",
    "5.",
    "0",
    "-1",
    "1e100",
    "NaN",
)


def holds(world: World) -> Iterator[ev.Event]:
    """Hundreds on one card in one second, so that they lapse at once; some are due already."""
    department = world.department()
    card = world.card(department)
    at = department.at - world.pick((0, 0, 5, 8, 40)) * DAY
    for _ in range(world.pick((20, 200, 700))):
        yield ev.AuthorizationRequested(
            **world.common(department, at),
            authorization_id=world.new_payment(department),
            card_id=card,
            amount=PositiveMoney(1, CURRENCY),
            merchant=ev.Merchant("M", world.pick(("5411", "7011", None))),
        )


def many_cards(world: World) -> Iterator[ev.Event]:
    """Each request with another card and employee: counters, plans and periods of their own."""
    department = world.department()
    holders = [None, *(world.text("holder", 200) for _ in range(20))]
    for _ in range(200):
        yield ev.AuthorizationRequested(
            **world.common(
                department, world.advance(department, timedelta(seconds=world.rng.randint(0, 30)))
            ),
            authorization_id=world.new_payment(department),
            card_id=world.card(department) if world.chance(0.5) else world.text("card", 128),
            amount=world.amount(),
            merchant=world.merchant(),
            cardholder=world.pick(holders),
            entry_mode=world.pick((None, "chip", "ecommerce")),
            partial_allowed=world.chance(0.3),
        )


def declines(world: World) -> Iterator[ev.Event]:
    """More than there is: what would pass, and when, is looked for."""
    department = world.department()
    for _ in range(30):
        yield ev.AuthorizationRequested(
            **world.common(department),
            authorization_id=world.new_payment(department),
            card_id=world.card(department),
            amount=PositiveMoney(world.pick((MINOR_MAX, 10**9, 10**7)), CURRENCY),
            merchant=world.merchant(),
            partial_allowed=world.chance(0.2),
        )


def increments(world: World) -> Iterator[ev.Event]:
    """Of one payment, with and without merchant: its hold is prolonged each time."""
    department = world.department()
    payment = world.payment(department)
    for _ in range(100):
        yield ev.AuthorizationIncremented(
            **world.common(department),
            authorization_id=payment if world.chance(0.8) else world.payment(department),
            card_id=world.card(department),
            amount=world.amount(10),
            merchant=world.merchant() if world.chance(0.5) else None,
        )


def clearings(world: World) -> Iterator[ev.Event]:
    """More than a thousand of one payment; or of all that are held, so that their entries are left behind."""
    department = world.department()
    one = world.payment(department) if world.chance(0.4) else None
    few = department.payments[-200:]
    for n in range(world.pick((50, 1_010)) if one else len(few)):
        yield ev.ClearingPresented(
            **world.common(department),
            authorization_id=one or few[n],
            card_id=world.card(department),
            amount=world.amount(10) if one else PositiveMoney(1, CURRENCY),
            final=world.chance(0.1) if one else True,
        )


def sums(world: World) -> Iterator[ev.Event]:
    """To the largest sums that the books hold, and beyond, both ways."""
    department = world.department()
    amount = PositiveMoney(MINOR_MAX, CURRENCY)
    payment, refund = world.new_payment(department), world.text("r", 128)
    for n in range(12):
        common = world.common(department)
        card = world.card(department)
        yield ev.ClearingPresented(
            **common, authorization_id=payment, card_id=card, amount=amount, final=False
        )
        common = world.common(department)
        yield ev.AuthorizationAdvised(
            **common, authorization_id=world.new_payment(department), card_id=card, amount=amount,
            merchant=world.merchant(), approved=n % 3 < 2,
        )  # fmt: skip
    for n in range(12):
        common = world.common(department)
        linked = payment if n % 2 else None
        yield ev.RefundPresented(
            **common, card_id="c", amount=amount, authorization_id=linked, refund_id=f"{refund}-{n}"[-128:]
        )
        department.refunds.append(f"{refund}-{n}"[-128:])


def after_life(world: World) -> Iterator[ev.Event]:
    """Refunds, disputes, reversals and corrections of what was, was not, and is something else."""
    department = world.department()
    for _ in range(60):
        payment, common = world.payment(department), world.common(department)
        refund = world.pick(department.refunds) if department.refunds else "none"
        dispute = world.pick(department.disputes) if department.disputes else "none"
        match world.rng.randrange(8):
            case 0:
                new = world.keep(department.refunds, world.text("r", 128) if world.chance(0.7) else payment)
                yield ev.RefundPresented(
                    **common, card_id=world.card(department), amount=world.amount(), refund_id=new,
                    authorization_id=payment if world.chance(0.7) else None,
                )  # fmt: skip
            case 1:
                amount = world.amount() if world.chance(0.5) else None
                yield ev.RefundReversed(**common, refund_id=refund, amount=amount)
            case 2:
                new = world.keep(department.disputes, world.text("d", 128) if world.chance(0.7) else payment)
                yield ev.DisputeOpened(
                    **common, dispute_id=new, authorization_id=payment, amount=world.amount(3),
                    provisional_credit=world.chance(0.5),
                )  # fmt: skip
            case 3:
                outcome: Literal["won", "lost", "withdrawn"] = world.pick(("won", "lost", "withdrawn"))
                yield ev.DisputeResolved(**common, dispute_id=dispute, outcome=outcome)
            case 4:
                seq = world.rng.randrange(world.number)
                yield ev.PostingReversed(**common, authorization_id=payment, seq=seq)
            case 5:
                yield ev.AuthorizationReversed(**common, authorization_id=payment)
                yield ev.AuthorizationLabelled(
                    **world.common(department), authorization_id=payment, label="fraud", source="customer"
                )
            case 6:
                yield ev.AuthorizationExpired(**common, authorization_id=payment)
            case _:
                yield ev.AuthorizationAdvised(
                    **common, authorization_id=payment, card_id=world.card(department),
                    amount=world.amount(10), merchant=world.merchant(), approved=world.chance(0.5),
                )  # fmt: skip


def timeouts(world: World) -> Iterator[ev.Event]:
    """Of one id, named and unnamed, more than may be; then the requests that they name."""
    department = world.department()
    payment = world.new_payment(department)
    named = [world.text("late", 128) for _ in range(110)]
    for name in named:
        yield ev.AuthorizationReversed(
            **world.common(department), authorization_id=payment, cause="timeout", request_id=name
        )
    if world.chance(0.3):
        yield ev.AuthorizationReversed(**world.common(department), authorization_id=payment, cause="timeout")
    for name in [*named[:5], world.text("e", 128)]:
        yield ev.AuthorizationRequested(
            **{**world.common(department), "event_id": name},
            authorization_id=payment,
            card_id=world.card(department),
            amount=world.amount(10),
            merchant=world.merchant(),
        )


def foreign(world: World) -> Iterator[ev.Event]:
    """Rates that explain the amount, nearly, and not at all."""
    department = world.department()
    for _ in range(20):
        asked = PositiveMoney(
            world.pick((1, 1_000, 10**9, MINOR_MAX)), world.pick(("JPY", "KWD", "EUR", "XAU", "???"))
        )
        rate, payment = world.pick(RATES), world.new_payment(department)
        card, merchant = world.card(department), world.merchant()
        yield ev.AuthorizationRequested(
            **world.common(department), authorization_id=payment, card_id=card, amount=world.amount(),
            merchant=merchant, merchant_amount=asked, rate=rate,
        )  # fmt: skip
        yield ev.ClearingPresented(
            **world.common(department), authorization_id=payment, card_id=card, amount=world.amount(),
            merchant_amount=asked, rate=world.pick(RATES),
        )  # fmt: skip


def collisions(world: World) -> Iterator[ev.Event]:
    """One id as that of an event, a payment, a refund, a dispute and a request; and events of one id."""
    department = world.department()
    one = world.keep(department.payments, world.text("same", 128))
    for n in range(12):
        common = {**world.common(department), "event_id": one if n % 2 else f"{one[:100]}-{n // 4}"}
        card, amount = world.pick((one, world.card(department))), world.amount(10)
        match n % 6:
            case 0:
                yield ev.AuthorizationRequested(
                    **common,
                    authorization_id=one,
                    card_id=card,
                    amount=amount,
                    merchant=ev.Merchant("M", id=one[:64]),
                )
            case 1:
                yield ev.ClearingPresented(**common, authorization_id=one, card_id=card, amount=amount)
            case 2:
                yield ev.RefundPresented(
                    **common, card_id=card, amount=amount, refund_id=one, authorization_id=one
                )
            case 3:
                yield ev.DisputeOpened(**common, dispute_id=one, authorization_id=one, amount=amount)
            case 4:
                yield ev.VerificationRequested(**common, card_id=card, merchant=world.merchant())
            case _:
                yield ev.BalanceInquired(**common, card_id=card, cardholder=one)


def time(world: World) -> Iterator[ev.Event]:
    """It goes on, far or only just, or seems to go back; and nothing else comes, or something does."""
    department = world.department()
    at = world.advance(department, world.pick(SPANS))
    for n in range(world.pick((1, 3, 30))):
        common = world.common(department, at + timedelta(seconds=n))
        yield ev.ClockTicked(**common)
        if world.chance(0.3):
            yield ev.BalanceInquired(**world.common(department, at), card_id=world.card(department))
    if world.chance(0.1):
        department = world.replace_department()
        yield ev.BudgetSet(**world.common(department), name="new", limit=world.money(10**9))


PAYMENTS: tuple[tuple[float, Callable[[World], Iterator[ev.Event]]], ...] = (
    (6, holds),
    (6, many_cards),
    (6, declines),
    (3, increments),
    (4, clearings),
    (1, sums),
    (5, after_life),
    (1, timeouts),
    (2, foreign),
    (3, collisions),
    (8, time),
)
