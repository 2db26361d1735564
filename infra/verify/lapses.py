"""O12: a hold is valid as long as the policy says, and lapses when it is due, neither earlier nor later."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import takewhile

from infra.verify.calendar import DAY_S, seconds
from infra.verify.controls import valid_days
from infra.verify.fold import clock_s
from infra.verify.report import Report
from infra.verify.state import Department, Payment
from schemas.decisions import Decision
from schemas.effects import HoldPlaced, HoldReleased

LAPSES_MAX = 500
LAPSE_BYTES_MAX = 250_000
Hold = tuple[str, int]  # authorization id, minor units


class Lapses:
    """Looks at each decision that took effect: `before` it is folded, and `after`."""

    def __init__(self, report: Report) -> None:
        self._oracle = report["O12"]
        self._expiries: dict[str, int] = {}  # of the last decision's holds, before it
        self._late: set[tuple[str, str, str]] = set()  # told of already, and still held

    def before(self, decision: Decision, department: Department) -> None:
        """The holds that are due by now must be the first that the decision releases, in their order."""
        now_s = max(department.clock_s, clock_s(decision))
        wanted = _take_due(department, now_s)
        found = _lapsed(decision)
        self._expiries = _expiries(decision, department, found)
        self._oracle.checked += max(len(wanted), len(found))
        if self._late:
            found = [hold for hold in found if not self._comes_late(decision, hold[0])]
        if wanted == found:
            return
        early = [hold for hold in found if hold not in wanted]
        late = [hold for hold in wanted if hold not in found]
        for name, amount in early:
            payment = department.payments.get(name)
            due = "which holds nothing" if payment is None else f"which is due at {payment.expires_s} s"
            self._violated(decision, now_s, f"lets {amount} of {name} lapse, {due}")
        for name, amount in late:
            self._violated(decision, now_s, f"leaves {amount} of {name} held, which has lapsed")
            self._late.add(_full_name(decision, name))
        if not early and not late:
            self._violated(decision, now_s, "lets holds lapse in another order than theirs")

    def _comes_late(self, decision: Decision, name: str) -> bool:
        full_name = _full_name(decision, name)
        late = full_name in self._late
        self._late.discard(full_name)
        return late

    def after(self, decision: Decision, department: Department, known: Payment | None) -> None:
        """New holds must be valid as long as they should. `known`: its payment, if its owner knew it."""
        advised = decision.event_type == "authorization.advised" and decision.approved is not None
        if advised or decision.granted:
            payment = department.payments.get(decision.authorization_id or "")
            if payment is not None and (known is None or not payment.valid_days):
                # Whatever comes later goes by the validity of the first approval. An increment need not name
                # a merchant.
                payment.valid_days = valid_days(department, decision.merchant)
        for effect in decision.effects:
            if type(effect) is HoldPlaced:
                self._oracle.checked += 1
                self._check_validity(decision, effect, department)

    def _check_validity(self, decision: Decision, effect: HoldPlaced, department: Department) -> None:
        payment = department.payments[effect.authorization_id]
        at_s = seconds(decision.occurred_at or decision.recorded_at)
        before_s = self._expiries.get(effect.authorization_id, 0)
        days = payment.valid_days
        wanted_s = max(before_s, at_s + days * DAY_S)
        if payment.expires_s != wanted_s:
            self._oracle.violated(
                f"decision {decision.position} holds {effect.authorization_id} until {payment.expires_s} s, "
                f"but {days} days end at {wanted_s} s"
            )

    def _violated(self, decision: Decision, now_s: int, what: str) -> None:
        self._oracle.violated(f"decision {decision.position} {what}; the clock stands at {now_s} s")


def _full_name(decision: Decision, name: str) -> tuple[str, str, str]:
    return decision.organization_id or "", decision.department_id or "", name


def next_to_lapse(department: Department) -> Iterator[tuple[int, str]]:
    """The open holds that one decision may let lapse, whenever that is: (second, id), in their order."""
    count = taken = 0
    last = None
    for entry in _in_order(department.due):
        payment = department.payments[entry[1]]
        # A hold that was closed and opened again with the same expiry stands on the heap twice.
        if not _is_open(department, entry) or entry == last:
            continue
        texts = (entry[1], *payment.charges)
        taken += 50 + sum(2 * len(text.encode()) + 100 for text in texts)
        if count == LAPSES_MAX or (count and taken > LAPSE_BYTES_MAX):
            return
        count += 1
        last = entry
        yield entry


def lapses_by(department: Department, authorization_id: str, now_s: int) -> bool:
    """Whether the payment's hold lapses with an event that moves the clock to `now_s`."""
    payment = department.payments[authorization_id]
    if payment.expires_s > now_s:
        return False
    return any(name == authorization_id for _, name in next_to_lapse(department))


def _in_order(heap: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """A heap's entries from the least on, as many as are asked for; the heap stays as it is."""
    ahead = [(heap[0], 0)] if heap else []
    while ahead:
        entry, place = heapq.heappop(ahead)
        yield entry
        for child in (2 * place + 1, 2 * place + 2):
            if child < len(heap):
                heapq.heappush(ahead, (heap[child], child))


def _take_due(department: Department, now_s: int) -> list[Hold]:
    """Takes the open holds that are due off the heap, in their order."""
    heap = department.due
    if not heap or heap[0][0] > now_s:
        return []
    found = list(takewhile(lambda entry: entry[0] <= now_s, next_to_lapse(department)))
    taken = set(found)
    # With them go the entries of what was closed or prolonged.
    while heap and heap[0][0] <= now_s and (heap[0] in taken or not _is_open(department, heap[0])):
        heapq.heappop(heap)
    return [(name, department.payments[name].held) for _, name in found]


def _is_open(department: Department, entry: tuple[int, str]) -> bool:
    payment = department.payments[entry[1]]
    return payment.held > 0 and payment.expires_s == entry[0]


def _lapsed(decision: Decision) -> list[Hold]:
    """What lapses by time alone: all expiries, but the one that the event itself asks for."""
    found = []
    last = len(decision.effects) - 1
    for n, effect in enumerate(decision.effects):
        if type(effect) is not HoldReleased or effect.cause != "expiry":
            continue
        asked = decision.event_type == "authorization.expired" and n == last
        if not (asked and effect.authorization_id == decision.authorization_id):
            found.append((n, effect))
    if any(n != place for place, (n, _) in enumerate(found)):
        return [(f"{effect.authorization_id} (effect {n})", effect.amount) for n, effect in found]
    return [(effect.authorization_id, effect.amount) for _, effect in found]


def _expiries(decision: Decision, department: Department, lapsed: list[Hold]) -> dict[str, int]:
    """When the holds that the decision raises would have lapsed before it."""
    found = {}
    for effect in decision.effects:
        if type(effect) is HoldPlaced:
            name = effect.authorization_id
            payment = department.payments.get(name)
            if payment is not None and payment.held and all(name != other for other, _ in lapsed):
                found[name] = payment.expires_s
    return found
