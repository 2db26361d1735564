"""Amounts in a question: what a purchase, or a group's total, must be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from api.questions.errors import NotUnderstood
from api.questions.lexer import Lexeme
from api.questions.organization_names import Directory
from api.questions.query import AmountRange, CountRange

_DOLLARS: Final = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN")
_MEMBERS: Final = {"OVER": "above", "UNDER": "below", "AT_LEAST": "at_least", "AT_MOST": "at_most"}
_RULES: Final = frozenset(("bounded", "open_amount", "between_amounts", "exact_amount", "bounded_count"))


class Amounts:
    """`take` each part that is about an amount."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._bounds: dict[str, Any] = {}
        self._counts: dict[str, int] = {}
        self.currency: str | None = None

    @property
    def any(self) -> bool:
        return bool(self._bounds or self._counts or self.currency)

    def take(self, rule: str, said: list[Lexeme]) -> bool:
        """Whether the part is one of these. Raises NotUnderstood where it contradicts another."""
        if rule not in _RULES:
            return False
        numbers = [each for each in said if each.number is not None]
        word = next((each.terminal for each in said if each.number is None), "OF")
        if rule == "bounded_count":
            self._count(word, numbers[0])
        elif rule == "between_amounts":
            low, high = sorted(numbers, key=lambda each: each.number or Decimal(0))
            self._bound("at_least", low)
            self._bound("at_most", high)
        elif rule == "open_amount":
            self._bound("at_least" if said[-1].terminal == "OR_MORE" else "at_most", numbers[0])
        elif word in _MEMBERS:
            self._bound(_MEMBERS[word], numbers[0])
        else:
            self._bound("at_least", numbers[0])
            self._bound("at_most", numbers[0])
        return True

    def only(self, said: Lexeme) -> None:
        """Amounts of this currency alone."""
        self.currency = self._currency(said)

    def _bound(self, member: str, said: Lexeme) -> None:
        if self._bounds.setdefault(member, said.number) != said.number:
            raise NotUnderstood(
                "contradiction", f"“{said.text}” is a second bound of the amount", said.start, said.end
            )
        if said.value:
            self._bounds["currency"] = self._currency(said)

    def _count(self, word: str, said: Lexeme) -> None:
        count = int(said.number or 0)
        if word in ("OVER", "AT_LEAST", "EXACTLY"):
            self._counts["at_least"] = count + (word == "OVER")
        if word in ("UNDER", "AT_MOST", "EXACTLY"):
            self._counts["at_most"] = max(0, count - (word == "UNDER"))

    def _currency(self, said: Lexeme) -> str:
        known = self._directory.currencies
        code = said.value
        if code == "$":
            code = next((one for one in _DOLLARS if one in known), "USD")
        if code not in known:
            there = " and ".join(known) or "none"
            raise NotUnderstood(
                "not_known", f"nothing here is in {code}: budgets are in {there}", said.start, said.end
            )
        return code

    def of_purchase_and_group(
        self, about_groups: bool
    ) -> tuple[AmountRange | None, AmountRange | None, CountRange | None]:
        """“who spent over 1,000” is about what each has spent in all."""
        count = CountRange(**self._counts) if self._counts else None
        if not self._bounds:
            return None, None, count
        found = AmountRange(**self._bounds)
        return (None, found, count) if about_groups else (found, None, count)
