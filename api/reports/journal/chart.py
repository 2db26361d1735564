"""A chart of accounts: which account of other books an account of ours is, by department and category."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import product
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field, StrictStr

from api.http.problems import FieldError
from api.http.types import DepartmentName, Input, Text
from api.resources.transactions.answer import category_of_mcc
from schemas.controls import MCC_GROUPS

#: The posted accounts, as they end. What is held is no booking of other books.
AccountKind = Literal["card-spend", "fx-difference", "card-payable", "provisional-credit"]
UNCATEGORIZED: Final = "uncategorized"
#: As many as the database keeps; a body of the API holds some 400 with every member.
RULES_MAX: Final = 500

#: What no spreadsheet runs, and no journal takes for anything else than a number.
_CODE: Final = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,29}$"
#: What beancount takes: five roots, then parts that begin with a capital or digit. hledger takes it, too.
_NAME: Final = re.compile(r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+")


def _account_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "must be Assets, Liabilities, Equity, Income or Expenses and more parts after colons, each of a "
            "capital letter or digit and then letters, digits and hyphens"
        )
    return name


def _category(category: str) -> str:
    if category != UNCATEGORIZED and category not in MCC_GROUPS:
        raise ValueError(f"is none of {', '.join(sorted((*MCC_GROUPS, UNCATEGORIZED)))}")
    return category


class ChartRuleIn(Input):
    """What fits all that it names is booked on `name`; of several rules the first that fits counts."""

    model_config = ConfigDict(title="ChartRule")

    account: AccountKind = Field(description="the account of the ledger", examples=["card-spend"])
    department_id: DepartmentName | None = Field(default=None, description="only of this department")
    category: Annotated[StrictStr, AfterValidator(_category)] | None = Field(
        default=None, description="only of merchants of this group, or `uncategorized`", examples=["airline"]
    )
    mcc: Annotated[StrictStr, Field(pattern=r"^\d{4}$")] | None = Field(
        default=None, description="only of this merchant category code", examples=["4511"]
    )
    name: Annotated[StrictStr, Field(max_length=200), AfterValidator(_account_name)] = Field(
        description="the account of the other books", examples=["Expenses:Travel:Flights"]
    )
    code: Annotated[Text, Field(pattern=_CODE)] | None = Field(
        default=None, description="its number there", examples=["6210"]
    )


class AccountName(NamedTuple):
    """An account of the other books. `code`: its number, empty where the chart has none."""

    name: str
    code: str


class Chart:
    """Rules, and names for what no rule fits: `Expenses:Sales:Airline`, `Liabilities:Card-payable`."""

    def __init__(self, rules: Sequence[ChartRuleIn] = ()) -> None:
        self._rules = rules
        self._known: dict[tuple[AccountKind, str, str | None], AccountName] = {}

    def account_of(self, kind: AccountKind, department_id: str, mcc: str | None) -> AccountName:
        """Of a booking on our account `kind`, for a payment of that department at a merchant of that code."""
        key = (kind, department_id, mcc)
        if key not in self._known:
            self._known[key] = self._found(kind, department_id, mcc)
        return self._known[key]

    def _found(self, kind: AccountKind, department_id: str, mcc: str | None) -> AccountName:
        category = category_of_mcc().get(mcc or "", UNCATEGORIZED)
        for rule in self._rules:
            if (
                rule.account == kind
                and rule.department_id in (None, department_id)
                and rule.category in (None, category)
                and rule.mcc in (None, mcc)
            ):
                return AccountName(rule.name, rule.code or "")
        match kind:
            case "card-spend":
                return AccountName(f"Expenses:{part_of(department_id)}:{_capital(category)}", "")
            case "fx-difference":
                return AccountName(f"Expenses:{part_of(department_id)}:Fx-difference", "")
            case _:
                return AccountName(f"Liabilities:{_capital(kind)}", "")


#: What no rule fits is on these.
OTHERWISE: Final[dict[AccountKind, str]] = {
    "card-spend": "Expenses:DEPARTMENT:CATEGORY",
    "fx-difference": "Expenses:DEPARTMENT:Fx-difference",
    "card-payable": "Liabilities:Card-payable",
    "provisional-credit": "Liabilities:Provisional-credit",
}


def faults_of(rules: Sequence[ChartRuleIn], member: str) -> list[FieldError]:
    """What is wrong with them together. `member`: where they stand in the body."""
    return [
        FieldError(field=f"{member}.{n}{'.' if part else ''}{part}", code=code, message=message)
        for n, part, code, message in _faults(rules)
    ]


def _faults(rules: Sequence[ChartRuleIn]) -> Iterator[tuple[int, str, str, str]]:
    code_of: dict[str, tuple[int, str | None]] = {}
    name_of: dict[str, tuple[int, str]] = {}
    reached: dict[tuple[str, str | None, str | None, str | None], int] = {}
    for n, rule in enumerate(rules):
        group = None if rule.mcc is None else category_of_mcc().get(rule.mcc, UNCATEGORIZED)
        if rule.mcc and rule.category not in (None, group):
            words = f"is of {group} and not of {rule.category}: nothing could fit both"
            yield n, "mcc", "not_in_category", words
            continue
        before, code = code_of.setdefault(rule.name, (n, rule.code))
        if code != rule.code:
            words = f"{rule.name} has {code or 'no number'} in rule {before}: an account has one number"
            yield n, "code", "two_codes", words
        before, name = name_of.setdefault(rule.code or "", (n, rule.name))
        if rule.code and name != rule.name:
            yield n, "code", "two_names", f"is the number of {name} in rule {before}"
        # Whoever names less fits more: one of these above takes all that this one would.
        wider = product((None, rule.department_id), (None, rule.category, group), (None, rule.mcc))
        above = [reached[key] for each in wider if (key := (rule.account, *each)) in reached]
        if above:
            first = min(above)
            words = (
                f"nothing gets here: rule {first} ({rules[first].name}) fits all that this one fits; put "
                "this one above it"
            )
            yield n, "", "never_reached", words
        reached.setdefault((rule.account, rule.department_id, rule.category, rule.mcc), n)


def part_of(name: str) -> str:
    """A part of an account's name, of any name of ours; two names never give the same.

    What a part cannot hold becomes a hyphen, and then a piece of its hash tells it from others.
    """
    shown = re.sub(r"[^A-Za-z0-9-]", "-", name)
    shown = _capital(shown) if shown[:1].isalnum() else f"X{shown}"
    return (
        shown if name == shown[:1].lower() + shown[1:] else f"{shown}-{sha256(name.encode()).hexdigest()[:8]}"
    )


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:].replace("_", "-")
