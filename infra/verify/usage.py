"""What requests leave behind besides money: counters of rules, and cards that are used or locked."""

from __future__ import annotations

import msgspec

from infra.verify.alerts import Scores
from infra.verify.counters import Counter, counter_of, oldest_s
from infra.verify.state import Department
from schemas.controls import Policy, SpendLimit
from schemas.event import Merchant


class Usage(msgspec.Struct):
    """Of one department. `counters`: by rule id and whom the rule limits, under `policy`.

    `used`: single-use cards that were approved; `first_merchants`: of cards that lock to their first one.
    `scores`: for so many alerts a day.
    """

    policy: Policy = Policy()
    counters: dict[tuple[str, str], Counter] = {}
    used: set[str] = set()
    first_merchants: dict[str, str] = {}
    span: int = 0
    scores: Scores = msgspec.field(default_factory=Scores)

    def follow(self, department: Department) -> None:
        """After a decision: a new policy starts the counters of changed rules, time drops what is past."""
        if self.policy is not department.policy:
            before = {rule.rule_id: rule for rule in self.policy.rules}
            goes_on = {rule.rule_id for rule in department.policy.rules if before.get(rule.rule_id) == rule}
            self.counters = {key: found for key, found in self.counters.items() if key[0] in goes_on}
            self.policy = department.policy
        if self.span != department.latest_span:
            self.span = department.latest_span
            from_s = oldest_s(self.span)
            for key in [key for key, counter in self.counters.items() if counter.is_past(from_s)]:
                del self.counters[key]

    def counter(self, rule: SpendLimit, subject: str) -> Counter:
        found = self.counters.get((rule.rule_id, subject))
        if found is None:
            found = self.counters[rule.rule_id, subject] = counter_of(rule)
        return found

    def use(self, department: Department, card_id: str | None, merchant: Merchant | None) -> None:
        """A request of this card was approved at this merchant."""
        card = department.cards.get(card_id or "")
        if card is None:
            return
        if card.single_use:
            self.used.add(card.card_id)
        if card.lock_to_first and merchant is not None:
            self.first_merchants.setdefault(card.card_id, merchant.id or merchant.name)
