"""O3: no gap in seq, one final decision for each id, repeats answered as the first time."""

from __future__ import annotations

from array import array

from infra.verify.fold import span
from infra.verify.report import Report
from infra.verify.state import Department, Payment
from schemas.codec import fingerprint
from schemas.decisions import Decision
from schemas.events import CardEvent
from schemas.reasons import Outcome, ReasonCode


class Ids:
    """One partition's answers, 53 bytes for each decision and its event id's entry."""

    def __init__(self, partition: int, report: Report) -> None:
        self._partition = partition
        self._oracle = report["O3"]
        self._ids = array("q")  # by seq: hash of the event id, 0 where there is none
        self._answers = array("q")  # by seq: hash of what it says besides its outcome
        self._contents = array("q")  # by seq: hash of the event's type and content
        self._types = array("q")  # by seq: hash of the event's type
        self._amounts = array("q")  # by seq: minor units asked for, -1 for none
        self._spans = array("i")  # by seq: of the event's time
        self._outcomes: list[Outcome] = []  # by seq; the members are shared, so 8 bytes each
        self._decided: dict[int, int] = {}  # hash of an event id that took effect -> seq

    def look(self, decision: Decision, known: Payment | None, department: Department | None) -> None:
        """At the next decision; its department before it, and its payment `known`, if its owner knew it."""
        self._check_seq(decision)
        at = f"{decision.partition}:{decision.seq}"
        key = 0
        if decision.event_id is not None:
            key = _key(decision, decision.event_id)
        if decision.duplicate_of is not None:
            self._check_repeat(decision, decision.duplicate_of, key, at)
        elif decision.outcome is not Outcome.REJECTED:
            before = self._decided.setdefault(key, decision.seq)
            if before != decision.seq and department is not None and department.past(self._spans[before]):
                self._decided[key] = decision.seq  # the owner had forgotten the first
            elif before != decision.seq:
                self._oracle.violated(
                    f"event {decision.event_id} was decided at {self._partition}:{before} and at {at}"
                )
            if decision.event_type == "authorization.requested" and known is not None:
                self._check_authorization(decision, known, at)
        if decision.seq == len(self._ids):
            self._append(key, decision)

    def seq_of(self, decision: Decision, event_id: str) -> int | None:
        """The decision in which an event of the same department took effect."""
        return self._decided.get(_key(decision, event_id))

    def _check_seq(self, decision: Decision) -> None:
        at, expected = f"{decision.partition}:{decision.seq}", len(self._ids)
        self._oracle.checked += 1
        if decision.partition != self._partition:
            self._oracle.violated(f"decision {at} lies on partition {self._partition}")
        if decision.seq != expected:
            self._oracle.violated(f"decision {at} where {self._partition}:{expected} must be")
        # Go on from what is there, so that one gap is told once; what is missing has no id and no outcome.
        while len(self._ids) < decision.seq:
            self._append(0, None)

    def _append(self, key: int, decision: Decision | None) -> None:
        """`decision` None: it is missing."""
        self._ids.append(key)
        self._answers.append(0 if decision is None else _answer(decision))
        self._contents.append(0 if decision is None else hash(decision.fingerprint))
        self._types.append(0 if decision is None else hash(decision.event_type))
        self._amounts.append(-1 if decision is None or decision.amount is None else decision.amount)
        self._outcomes.append(Outcome.REJECTED if decision is None else decision.outcome)
        self._spans.append(0 if decision is None else span(decision))

    # -- what is remembered of the first answer to an event id

    def first(self, event: CardEvent, department: Department) -> int | None:
        """The decision in which an event of this id took effect, while it is remembered."""
        seq = self._decided.get(hash((event.organization_id, event.department_id, event.event_id)) or 1)
        return None if seq is None or department.past(self._spans[seq]) else seq

    def is_content_of(self, seq: int, event: CardEvent) -> bool:
        return self._contents[seq] == hash(fingerprint(event))

    def is_type_of(self, seq: int, event: CardEvent) -> bool:
        return self._types[seq] == hash(event.type)

    def amount_of(self, seq: int) -> int | None:
        """Minor units that it was about; None: none."""
        return None if self._amounts[seq] < 0 else self._amounts[seq]

    def _check_repeat(self, decision: Decision, first: int, key: int, at: str) -> None:
        if first >= decision.seq or (self._ids[first], self._outcomes[first], self._answers[first]) != (
            key,
            decision.outcome,
            _answer(decision),
        ):
            self._oracle.violated(
                f"decision {at} repeats {self._partition}:{first}, which was another answer"
            )
        if decision.effects:
            self._oracle.violated(f"decision {at} is a repeat and moves money again")

    def _check_authorization(self, decision: Decision, payment: Payment, at: str) -> None:
        """An authorization is answered once, whatever was settled before; what timed out, only declined."""
        name = f"{decision.organization_id}/{decision.department_id}/{decision.authorization_id}"
        missed = decision.outcome is Outcome.DECLINED and any(
            reason.code is ReasonCode.DEADLINE_MISSED for reason in decision.reasons
        )
        if payment.voided:
            voids = payment.voids(decision.event_id or "")
            if voids and not missed:
                self._oracle.violated(
                    f"authorization {name} timed out before its request, but {at} answers it"
                )
            elif missed and not voids:
                self._oracle.violated(
                    f"request {at} of authorization {name} is declined as timed out, but was not"
                )
        elif payment.answered:
            self._oracle.violated(f"authorization {name} has a second final decision, {at}")


def _answer(decision: Decision) -> int:
    """All that a repeat says again."""
    said = decision.reasons, decision.reviews, decision.shadows, decision.would_pass
    return hash((said, decision.amount, decision.approved, decision.available))


def _key(decision: Decision, event_id: str) -> int:
    # 64 bits, new in each run: of a million ids two meet once in 37 million runs.
    return hash((decision.organization_id, decision.department_id, event_id)) or 1
