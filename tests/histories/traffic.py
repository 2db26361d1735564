"""One function for each kind of event that cards and networks cause."""

from __future__ import annotations

from typing import Any

import schemas.events as ev
from infra.verify.state import Payment
from schemas.money import PositiveMoney
from tests.histories import catalog
from tests.histories.catalog import Dice
from tests.histories.world import DISPUTES, ORGANIZATION, PAYMENTS, REFUNDS, World


def _holds(payment: Payment) -> bool:
    return payment.held > 0


def _is_settled(payment: Payment) -> bool:
    return payment.posted > 0


# -- what a card asks


def request(world: World, dice: Dice) -> ev.Event:
    """Mostly with an id of its own."""
    return _request(world, dice, late=dice.once_in(4))


def late_request(world: World, dice: Dice) -> ev.Event:
    """With an id that may have been cleared, voided or asked for before."""
    return _request(world, dice, late=True)


def _request(world: World, dice: Dice, late: bool) -> ev.Event:
    common = world.common(dice)
    known = world.payments(common["department_id"])
    early = [name for name, payment in known.items() if not payment.judged]
    name = dice.pick(early or PAYMENTS) if late else f"q{world.number}"
    if late and name in known and (timed_out := [one for one in known[name].voided if one]):
        common["event_id"] = dice.pick((common["event_id"], *timed_out))
    card = dice.pick(catalog.CARDS)
    amount = world.amount(dice, world.room(dice, world.department(common["department_id"]), card))
    return ev.AuthorizationRequested(
        **common,
        authorization_id=name,
        card_id=card,
        amount=amount,
        merchant=dice.pick(catalog.MERCHANTS),
        cardholder=dice.pick(catalog.HOLDERS),
        entry_mode=dice.pick(catalog.ENTRY_MODES),
        partial_allowed=bool(dice.roll(2)),
        **world.foreign(dice, amount),
    )


def small_request(world: World, dice: Dice) -> ev.Event:
    """One that little stands against but how many there were, and when."""
    return ev.AuthorizationRequested(
        **world.common(dice),
        authorization_id=f"q{world.number}",
        card_id=dice.pick(catalog.CARDS[:2]),
        amount=PositiveMoney(dice.pick((1, 20, 60)), "USD"),
        merchant=catalog.MERCHANTS[0],
        entry_mode="chip",
    )


def foreign_request(world: World, dice: Dice) -> ev.Event:
    """A small one in another currency."""
    amount = PositiveMoney(1 + dice.roll(80), "USD")
    return ev.AuthorizationRequested(
        **world.common(dice),
        authorization_id=f"q{world.number}",
        card_id="card-3",
        amount=amount,
        merchant=catalog.MERCHANTS[0],
        **world.foreign(dice, amount, always=True),
    )


def increment(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, _ = world.payment(dice, common, _holds)
    card = dice.pick(catalog.CARDS)
    amount = world.amount(dice, world.room(dice, world.department(common["department_id"]), card))
    return ev.AuthorizationIncremented(
        **common,
        authorization_id=name,
        card_id=card,
        amount=amount,
        merchant=dice.pick((None, *catalog.MERCHANTS)),
        entry_mode=dice.pick(catalog.ENTRY_MODES),
        **world.foreign(dice, amount),
    )


def verify(world: World, dice: Dice) -> ev.Event:
    return ev.VerificationRequested(
        **world.common(dice),
        card_id=dice.pick(catalog.CARDS),
        merchant=dice.pick(catalog.MERCHANTS),
        cardholder=dice.pick(catalog.HOLDERS),
        entry_mode=dice.pick(catalog.ENTRY_MODES),
    )


def inquire(world: World, dice: Dice) -> ev.Event:
    return ev.BalanceInquired(
        **world.common(dice), card_id=dice.pick(catalog.CARDS), cardholder=dice.pick(catalog.HOLDERS)
    )


# -- what becomes of a payment


def advise(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, payment = world.payment(dice, common)
    amount = world.amount(dice, payment.held + payment.posted if payment else None)
    return ev.AuthorizationAdvised(
        **common,
        authorization_id=name,
        card_id=dice.pick(catalog.CARDS),
        amount=amount,
        merchant=dice.pick(catalog.MERCHANTS),
        approved=dice.roll(3) < 2,
        cardholder=dice.pick(catalog.HOLDERS),
        **world.foreign(dice, amount),
    )


def reverse(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, payment = world.payment(dice, common, _holds)
    amount = world.amount(dice, payment.held if payment else None) if dice.roll(2) else None
    if dice.once_in(3):
        return _timeout(world, dice, common, name, amount)
    return ev.AuthorizationReversed(**common, authorization_id=name, amount=amount)


def time_out(world: World, dice: Dice) -> ev.Event:
    """Of an id that has perhaps not come yet."""
    common = world.common(dice)
    name = dice.pick(PAYMENTS) if dice.roll(2) else world.payment(dice, common, _holds)[0]
    return _timeout(world, dice, common, name)


def _timeout(
    world: World, dice: Dice, common: dict[str, Any], name: str, amount: PositiveMoney | None = None
) -> ev.Event:
    """Of any request, of the one that has the id, or of one that comes later or never."""
    payment = world.payments(common["department_id"]).get(name)
    opened = payment.opened if payment is not None else -1
    first = [world.referee.played[opened][1].event_id] if opened >= 0 else []
    return ev.AuthorizationReversed(
        **common,
        authorization_id=name,
        amount=amount,
        cause="timeout",
        request_id=dice.pick((None, *first, *first, f"t{world.number}", f"e{world.number + 1}")),
    )


def expire(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    return ev.AuthorizationExpired(**common, authorization_id=world.payment(dice, common)[0])


def clear(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, payment = world.payment(dice, common)
    amount = world.amount(dice, payment.held if payment else None)
    return ev.ClearingPresented(
        **common,
        authorization_id=name,
        card_id=dice.pick(catalog.CARDS),
        amount=amount,
        merchant=dice.pick((None, *catalog.MERCHANTS)),
        final=bool(dice.roll(2)),
        **world.foreign(dice, amount, payment),
    )


def foreign_clearing(world: World, dice: Dice) -> ev.Event:
    """Of a payment that was asked for in another currency, at a rate of its own."""
    common = world.common(dice)
    name, payment = world.payment(dice, common, lambda payment: payment.foreign is not None)
    amount = PositiveMoney(1 + dice.roll(90), "USD")
    return ev.ClearingPresented(
        **common,
        authorization_id=name,
        card_id="card-3",
        amount=amount,
        final=bool(dice.roll(2)),
        **world.foreign(dice, amount, payment, always=True),
    )


def refund(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, payment = world.payment(dice, common, _is_settled)
    amount = world.amount(dice, payment.posted if payment else None)
    return ev.RefundPresented(
        **common,
        card_id=dice.pick(catalog.CARDS),
        amount=amount,
        authorization_id=None if dice.once_in(4) else name,
        refund_id=dice.pick((*REFUNDS, None)),
        merchant=dice.pick((None, *catalog.MERCHANTS)),
        **world.foreign(dice, amount),
    )


def reverse_refund(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    refunds = world.department(common["department_id"]).refunds
    name = dice.pick(sorted(refunds)) if refunds and dice.roll(5) else dice.pick(REFUNDS)
    known = refunds.get(name)
    amount = world.amount(dice, known.left if known else None) if dice.roll(2) else None
    return ev.RefundReversed(**common, refund_id=name, amount=amount)


def open_dispute(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, payment = world.payment(dice, common, _is_settled)
    around = payment.net if payment else None
    return ev.DisputeOpened(
        **common,
        dispute_id=dice.pick(DISPUTES),
        authorization_id=name,
        amount=world.amount(dice, around),
        provisional_credit=bool(dice.roll(2)),
    )


def resolve_dispute(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    known = world.department(common["department_id"]).disputes
    return ev.DisputeResolved(
        **common,
        dispute_id=dice.pick(sorted(known) if known and dice.roll(5) else DISPUTES),
        outcome=dice.pick(("won", "lost", "withdrawn")),
    )


def label(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, _ = world.payment(dice, common, lambda _: True)
    return ev.AuthorizationLabelled(
        **common,
        authorization_id=name,
        label=dice.pick(("fraud", "legitimate", "unsure")),
        source=dice.pick(("chargeback", "review", "customer")),
    )


def undo_posting(world: World, dice: Dice) -> ev.Event:
    common = world.common(dice)
    name, _ = world.payment(dice, common, _is_settled)
    seqs = world.referee.postings(f"{ORGANIZATION}/{common['department_id']}", name)
    return ev.PostingReversed(
        **common,
        authorization_id=name,
        seq=dice.pick(seqs) if seqs and dice.roll(8) else dice.roll(20),
    )


def tick(world: World, dice: Dice) -> ev.Event:
    return ev.ClockTicked(**world.common(dice))
