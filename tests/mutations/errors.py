"""Small errors of the core: of each kind that was ever planted, and every rule's neighbour by one.

An error is a text that stands once in a file of `streams/core`, and what stands there instead. A file that
was reshaped says so: a text that is not found, or found twice, fails.
"""

from __future__ import annotations

from tests.mutations.errors_of_requests import REQUESTS
from tests.mutations.wrong import Wrong

#: A few of them are tried by every `make test`.
SAMPLE = ("a lease is given back but for a cent", "what is disputed may be refunded", "no level is for less")

ERRORS: dict[str, Wrong] = {
    "a score of just so much is no fraud": Wrong(
        "plans.py", "asked.millionths >= millionths", "asked.millionths > millionths"
    ),
    # -- the kinds that the second model was tried with
    "a budget is a cent higher": Wrong(
        "rules/allowances.py",
        "if ask.amount <= left + allowance.tolerance:",
        "if ask.amount <= left + allowance.tolerance + 1:",
    ),
    "refunds make room above the limit": Wrong(
        "state.py", "return max(0, self.posted) + self.held", "return self.posted + self.held"
    ),
    "a refund does not count": Wrong(
        "apply/settlements.py", "payment.refunded += effect.amount", "payment.refunded += 0"
    ),
    "what is disputed may be refunded": Wrong(
        "apply/settlements.py",
        "department.payments[effect.authorization_id].disputed += effect.amount",
        "pass",
    ),
    "only one hold lapses at a time": Wrong("lapses.py", "if count == LAPSES_MAX or", "if count == 1 or"),
    "a hold is valid a second longer for each day": Wrong("payments.py", "DAY_S = 86_400", "DAY_S = 86_401"),
    "rates are rounded up": Wrong(
        "rates.py", "to_integral_value(ROUND_HALF_EVEN)", "to_integral_value('ROUND_UP')"
    ),
    "a window has a slot less": Wrong("windows.py", "return SLOTS_BEFORE if", "return SLOTS_BEFORE - 1 if"),
    "counters go on for ever": Wrong(
        "apply/controls.py", 'if key.partition(":")[0] not in unchanged', "if not key"
    ),
    "a card is never used": Wrong("apply/controls.py", "].used = True", "].used = False"),
    "ids are remembered for a span less": Wrong("state.py", "BUCKETS_KEPT = 4", "BUCKETS_KEPT = 3"),
    "a repeat may have another amount": Wrong(
        "answers.py", "elif minor is not None and minor != first.amount:", "elif minor is None:"
    ),
    "all of the cap is free": Wrong("state.py", "return self.limit - self.lent(period)", "return self.limit"),
    "the next lease is asked for a day earlier": Wrong("leases.py", "DAY_S = 86_400", "DAY_S = 2 * 86_400"),
    "a timeout is of every request": Wrong(
        "payments.py", "if payment.voids(event.event_id):", "if payment.voided:"
    ),
    "a timeout never finds its request": Wrong(
        "reversals.py", "first.seq == payment.opened", "first.seq < 0"
    ),
    "what would pass is looked for once": Wrong("moments.py", "MOMENTS_MAX = 8", "MOMENTS_MAX = 1"),
    # -- every rule's neighbour
    "a tolerance is a cent less": Wrong(
        "rules/allowances.py",
        "if ask.amount <= left + allowance.tolerance:",
        "if ask.amount < left + allowance.tolerance:",
    ),
    "what passes now is a cent less": Wrong(
        "rules/allowances.py", "room=left + allowance.tolerance)", "room=left + allowance.tolerance - 1)"
    ),
    "a payment may be a cent larger": Wrong(
        "rules/amounts.py",
        "elif ask.already + ask.amount > rule.amount:",
        "elif ask.already + ask.amount > rule.amount + 1:",
    ),
    "a payment's room is a cent off": Wrong(
        "rules/amounts.py",
        "rule.action, rule.amount - ask.already)",
        "rule.action, rule.amount - ask.already - 1)",
    ),
    "a window lets one more": Wrong(
        "rules/amounts.py", "if so_far >= window.count and", "if so_far > window.count and"
    ),
    "a window lets a cent more": Wrong(
        "rules/amounts.py",
        "elif so_far + ask.amount > rule.amount:",
        "elif so_far + ask.amount > rule.amount + 1:",
    ),
    "a card expires a day early": Wrong(
        "rules/card.py", "today > known.expires_on", "today >= known.expires_on"
    ),
    "an increment may not use a used card": Wrong(
        "rules/card.py", "if ask.kind is Kind.INCREMENT:", "if ask.kind is None:"
    ),
    "the reasons of a card come in another order": Wrong(
        "rules/__init__.py", "card, merchant, ", "merchant, card, "
    ),
    "fraud may be approved in part": Wrong("rules/findings.py", "if not finding.reason.fraud]", "]"),
    "the fast way lets a cent more": Wrong(
        "rules/fast.py",
        "(posted if posted > 0 else 0) + held > limit",
        "(posted if posted > 0 else 0) + held > limit + 1",
    ),
    "the straight way ends a hold a day late": Wrong(
        "straight.py", "moment_of(at_s + days * DAY_S)", "moment_of(at_s + (days + 1) * DAY_S)"
    ),
    "the straight way takes other currencies": Wrong(
        "straight.py", "money.currency != department.currency", "money.currency == ''"
    ),
    "the straight way does not ask for more of the cap": Wrong(
        "straight.py", "if department.cap is not None else ()", "if department.cap is None else ()"
    ),
    "the straight way keeps a hold twice": Wrong(
        "apply/straight.py", "period.held += amount", "period.held += 2 * amount"
    ),
    "the straight way forgets when a hold lapses": Wrong(
        "apply/straight.py", "department.expiries.add(expires_s, name)", "pass"
    ),
    "the straight way clears more than is held": Wrong(
        "straight_clearing.py", "amount > payment.held", "amount > payment.held + 1"
    ),
    "the straight way posts without a trace": Wrong(
        "apply/straight_clearing.py", "payment.posted += amount", "pass"
    ),
    "a moment is looked for from the event on": Wrong("moments.py", "if at > at_s)", "if at > at_s + 60)"),
    "an hour is a minute longer": Wrong(
        "matching.py", "return into >= length or", "return into > length + 59 or"
    ),
    "a hold lapses a second late": Wrong(
        "lapses.py",
        "takewhile(lambda entry: entry[0] <= clock_s",
        "takewhile(lambda entry: entry[0] < clock_s",
    ),
    "a reversal may be of more than is held": Wrong(
        "reversals.py", "if amount > payment.held:", "if amount > payment.held + 1:"
    ),
    "a reversal of all is refused": Wrong(
        "reversals.py", "if amount > payment.held:", "if amount >= payment.held:"
    ),
    "a clearing of all that is held is alerted": Wrong(
        "settlements.py", "if amount <= held:", "if amount < held:"
    ),
    "a partial clearing gives all back": Wrong(
        "settlements.py", "released = held if event.final else min(held, amount)", "released = held"
    ),
    "a refund of all is alerted": Wrong(
        "settlements.py",
        "elif payment is not None and amount > payment.net:",
        "elif payment is not None and amount >= payment.net:",
    ),
    "a refund of what was posted is alerted": Wrong(
        "settlements.py", "< amount for charge in charges", "<= amount for charge in charges"
    ),
    "more may be taken back than was refunded": Wrong(
        "settlements.py",
        "if not known.left or amount > known.left:",
        "if not known.left or amount > known.left + 1:",
    ),
    "more may be disputed than was settled": Wrong(
        "settlements.py", "if amount > payment.net:", "if amount > payment.net + 1:"
    ),
    "a posting is undone twice": Wrong("settlements.py", "if posting.undone:", "if posting.undone is None:"),
    "a rate may be off by a cent more": Wrong(
        "rates.py",
        "if abs(converted - amount.minor) <= explained:",
        "if abs(converted - amount.minor) <= explained + 1:",
    ),
    "a rate must be nearer by half a cent": Wrong("rates.py", "+ factor / 2 + 1\n", "+ factor / 2 + _HALF\n"),
    "a first lease is a cent less": Wrong(
        "treasury.py",
        "amount = max(0, free) // (2 * len(names))",
        "amount = max(0, max(0, free) // (2 * len(names)) - 1)",
    ),
    "a lease is a cent larger": Wrong(
        "treasury.py", "return left // (2 * departments)", "return left // (2 * departments) + 1"
    ),
    "less is owed": Wrong(
        "treasury.py", "short = max(0, event.needed - amount)", "short = max(0, event.needed - amount - 1)"
    ),
    "a lease is given back but for a cent": Wrong(
        "leases.py", "amount, lender = max(0, leased - used)", "amount, lender = max(0, leased - used - 1)"
    ),
    "a lease is asked for when less than a third is left": Wrong("leases.py", "PART = 4", "PART = 3"),
    "a shortfall is a cent less": Wrong(
        "leases.py", "label, ask.amount - one.room)", "label, ask.amount - one.room - 1)"
    ),
    "what is lent may be spent as well": Wrong(
        "movements.py", "(effect.charges, 0, 0, -effect.amount)", "(effect.charges, 0, 0, 0)"
    ),
    "a budget that is set anew forgets what is lent": Wrong(
        "apply/budgets.py", "effect.limit - department.lent(effect.budget_id, label)", "effect.limit"
    ),
    "increases are lent, too": Wrong(
        "treasury.py",
        "return period.limit - period.used",
        "return period.limit - period.used + sum(more[2] for more in own.increases)",
    ),
    "an increase may be over": Wrong(
        "administration.py", "if epoch_s(ends_at) <= case.clock_s:", "if epoch_s(ends_at) < case.clock_s - 1:"
    ),
    "nine policies are kept": Wrong("apply/controls.py", "DRAFTS_KEPT = 10", "DRAFTS_KEPT = 9"),
    "a day ahead is too far": Wrong(
        "intake.py", "FUTURE_MAX = timedelta(days=1)", "FUTURE_MAX = timedelta(hours=23)"
    ),
    "a canceled card may be set": Wrong(
        "administration.py", 'if known.card.status == "canceled":', 'if known.card.status == "":'
    ),
    "a canceled card may be replaced": Wrong(
        "administration.py", 'if old.status == "canceled":', 'if old.status == "":'
    ),
    "a replaced card is only frozen": Wrong(
        "administration.py", '_with_status(old, "canceled")', '_with_status(old, "frozen")'
    ),
    "a card that is there may be the new one": Wrong(
        "administration.py", "if event.new_card_id in registered:", "if event.new_card_id == event.card_id:"
    ),
    # -- what is remembered, and said with each decision
    "a hold's validity is said a day longer": Wrong(
        "payments.py",
        "PaymentApproved(valid_days=days, foreign",
        "PaymentApproved(valid_days=days + 1, foreign",
    ),
    "a decline is not said": Wrong(
        "payments.py",
        "*score_counted(ask, verdict), PaymentDeclined()),\n",
        "*score_counted(ask, verdict)),\n",
    ),
    "an advice's decline is said twice": Wrong(
        "payments.py", "payment.requested or payment.voided)\n", "payment.voided)\n"
    ),
    "an increment counts as a request": Wrong(
        "counting.py", "int(ask.kind is Kind.REQUEST)", "int(ask.kind is not None)"
    ),
    "a declined request counts as an approved one": Wrong(
        "counting.py", 'rule.counts == "approved"', 'rule.counts == ""'
    ),
    "a calendar's count ends a day late": Wrong(
        "counting.py", "window.clock.ends_s(purchase.at_s)", "window.clock.ends_s(purchase.at_s + 86_400)"
    ),
    "a period ends a second late": Wrong("case.py", "else moment_of(ends_s)", "else moment_of(ends_s + 1)"),
    "a period begins with a cent more": Wrong(
        "case.py",
        "0 if allowance is None else allowance.initial",
        "1 if allowance is None else allowance.initial + 1",
    ),
    "a period begins again and again": Wrong("case.py", "if charge not in periods]", "]"),
    "a department is not said to be opened": Wrong(
        "case.py", "        if self.new:", "        if not self.new:"
    ),
    "a card is used up again and again": Wrong(
        "payments.py", "if card.single_use and not state.used:", "if card.single_use:"
    ),
    "a card is locked to a name where there is an id": Wrong(
        "payments.py", "merchant=merchant.id or merchant.name", "merchant=merchant.name"
    ),
    **REQUESTS,
}
