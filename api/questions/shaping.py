"""What a lexeme is because of its neighbours: "may" a month or a permission, 2026 a year or an amount;
and lists of names become one. After it the grammar needs one token to look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from api.questions.errors import NotUnderstood
from api.questions.lexer import Lexeme
from api.questions.organization_names import words_of

_BOUNDS: Final = frozenset(("OVER", "UNDER", "AT_LEAST", "AT_MOST", "EXACTLY"))
_PREPOSITIONS: Final = frozenset(("IN", "AT", "ON", "FOR", "OF", "FROM", "TO", "WITH"))
_BEGINS_SPAN: Final = frozenset(
    ("LAST", "PAST", "THIS", "UNIT", "FISCAL", "MONTH", "QUARTER", "HALF", "YTD", "WEEKEND", "FIRST_OF")
)
_CALENDAR: Final = frozenset(
    (
        "SINCE",
        "LAST",
        "THIS",
        "UNTIL",
        "BEFORE",
        "AFTER",
        "BETWEEN",
        "VERSUS",
        "COMPARE",
        "FIRST_OF",
        "END_OF",
    )
)
_ASKING: Final = frozenset(("SPEND", "MOST", "LEAST", "PURCHASES"))
_RELATIVE: Final = frozenset(
    ("THIS", "LAST", "PAST", "TODAY", "YESTERDAY", "SINCE", "IN", "BETWEEN", "FROM", "YTD")
)
#: What would change something when it begins a text, and a name or an amount follows.
_ORDERS: Final = frozenset(
    ("change", "increase", "decrease", "pay", "refund", "buy", "charge", "hold", "clear", "return", "post",
     "reimburse", "dispute", "decline", "order", "book", "reject", "close", "open", "raise", "lower", "set")
)  # fmt: skip
_POLITE: Final = frozenset(("please", "kindly", "can", "could", "you", "would", "now", "i", "want", "to"))
_OBJECTS: Final = frozenset(("NAMES", "BUDGET", "DIMS", "ME", "MONEY", "NUMBER"))


def shaped(lexemes: Sequence[Lexeme]) -> list[Lexeme]:
    found = list(lexemes)
    for step in (_scaled, _months_and_years, _money, _turned, _listed):
        found = step(found)
    return found


def refuse_orders(lexemes: Sequence[Lexeme], text: str) -> None:
    """Raises NotUnderstood where the text tells to change something. “change since March” asks."""
    order = next((each.text for each in lexemes if each.terminal == "WRITE"), None)
    first = next((word for word in words_of(text) if word not in _POLITE), "")
    if order is None and first in _ORDERS:
        head = words_of(lexemes[0].text) if lexemes else ()
        phrase = len(head) > 1 and first in head  # "decline reasons"
        after = lexemes[1:] if head == (first,) else lexemes
        order = first if not phrase and _at(after, 0) in _OBJECTS else None
    if order is not None:
        words = (
            f"“{order}” would change something, and a question only reads. Cards, budgets, policies and "
            "requests are changed on their own pages, or by POST /v1/events"
        )
        start = max(0, text.lower().find(order.lower()))
        raise NotUnderstood("not_a_question", words, start, start + len(order))


def _at(found: Sequence[Lexeme], n: int) -> str:
    return found[n].terminal if 0 <= n < len(found) else ""


def _scaled(found: list[Lexeme]) -> list[Lexeme]:
    """“five thousand” is one number."""
    result: list[Lexeme] = []
    for each in found:
        scale = each.number if each.terminal == "NUMBER" and each.value in ("100", "1000") else None
        if scale is not None and _at(result, len(result) - 1) in ("NUMBER", "MONEY"):
            before = result.pop()
            assert before.number is not None
            each = replace(
                before, end=each.end, text=f"{before.text} {each.text}", number=before.number * scale
            )
        result.append(each)
    return result


def _months_and_years(found: list[Lexeme]) -> list[Lexeme]:
    return [_month_or_year(found, n, each) for n, each in enumerate(found)]


def _month_or_year(found: Sequence[Lexeme], n: int, each: Lexeme) -> Lexeme:
    before, after = _at(found, n - 1), _at(found, n + 1)
    if each.text.lower() == "may":
        month = (
            before in _CALENDAR
            or before in _PREPOSITIONS
            or before in ("NUMBER", "AND", "BY", "OVER")
            or after in ("NUMBER", "UNTIL", "TO", "VERSUS")
            or (each.text == "May" and n > 0)
        )
        return replace(each, terminal="MONTH", value="5") if month else replace(each, terminal="CAN")
    if each.text.lower() == "up to":
        dated = after not in ("NUMBER", "MONEY") or _at(found, n + 2) == "MONTH"
        return replace(each, terminal="UNTIL" if dated else "AT_MOST")
    if each.terminal == "NUMBER" and each.number is not None and each.text.isdigit() and len(each.text) == 4:
        year = 2000 <= each.number < 2100
        amount = before in _BOUNDS or after in ("CURRENCY", "OR_MORE", "OR_LESS", "PURCHASES")
        if before == "BETWEEN":
            amount |= after == "AND" and not _yearly(found, n + 2)
        if before == "AND" and _at(found, n - 3) == "BETWEEN":
            amount |= _at(found, n - 2) in ("NUMBER", "MONEY") and not _yearly(found, n - 2)
        if year and not amount:
            return replace(each, terminal="YEAR")
    return each


def _yearly(found: Sequence[Lexeme], n: int) -> bool:
    return 0 <= n < len(found) and found[n].text.isdigit() and len(found[n].text) == 4


def _money(found: list[Lexeme]) -> list[Lexeme]:
    """An amount with its currency is one; “$500” came as one."""
    result: list[Lexeme] = []
    n = 0
    while n < len(found):
        each = found[n]
        pair = (each.terminal, _at(found, n + 1))
        if pair in (("NUMBER", "CURRENCY"), ("MONEY", "CURRENCY"), ("CURRENCY", "NUMBER")):
            number, currency = (each, found[n + 1]) if pair[1] == "CURRENCY" else (found[n + 1], each)
            last = found[n + 1]
            result.append(
                replace(number, terminal="MONEY", value=currency.value, start=each.start, end=last.end)
            )
            n += 2
            continue
        if each.terminal == "FISCAL" and each.number is not None:  # fy25
            result.append(replace(each, number=None))
            each = replace(each, terminal="YEAR", value="")
        result.append(each)
        n += 1
    return result


def _turned(found: list[Lexeme]) -> list[Lexeme]:
    """“over the last week” is in it, “to Uber” is at Uber, “the 3rd of March” needs no “of”, “each month” is
    a group."""
    result: list[Lexeme] = []
    for n, each in enumerate(found):
        before, after = _at(result, len(result) - 1), _at(found, n + 1)
        if each.terminal == "OVER" and after in _BEGINS_SPAN:
            each = replace(each, terminal="IN")
        elif each.terminal in ("ON", "AT") and before in _ASKING and after in _RELATIVE:
            each = replace(
                each, terminal="LOOSE", value=each.terminal
            )  # "what did we spend most on last month"
        elif each.terminal == "TO" and after == "NAMES":
            each = replace(each, terminal="AT")
        elif each.terminal == "OF" and before in ("QUARTER", "HALF", "NUMBER", "MONTH"):
            if after in ("MONTH", "YEAR", "FISCAL", "THIS", "LAST") or (
                after == "UNIT" and before in ("QUARTER", "HALF")
            ):
                continue
        elif each.terminal == "IN" and before in ("QUARTER", "HALF", "MONTH") and after == "YEAR":
            continue
        elif each.text == "," and before in ("NUMBER", "MONTH") and after == "YEAR":
            continue  # "March 3rd, 2026"
        elif each.terminal == "BY" and each.text.lower() in ("every", "each") and after == "PURCHASES":
            continue  # "list every purchase"
        elif each.terminal == "UNIT" and _is_group(result):
            each = replace(each, terminal="DIMS")
        result.append(each)
    return result


def _is_group(before: Sequence[Lexeme]) -> bool:
    """Whether what comes after it is what is grouped by: “by month”, “by department and month”."""
    last = _at(before, len(before) - 1)
    return last in ("BY", "TOP", "BOTTOM") or (last == "AND" and _at(before, len(before) - 2) == "DIMS")


def _listed(found: list[Lexeme]) -> list[Lexeme]:
    """Names, or kinds of groups, that stand in one row are one token with them as its items."""
    result: list[Lexeme] = []
    n = 0
    while n < len(found):
        each = found[n]
        if each.terminal in ("NAMES", "DIMS"):
            items, after = _row(found, n, each.terminal)
            each = replace(each, items=tuple(items), end=items[-1].end)
            n = after
        else:
            n += 1
        result.append(each)
    return result


def _row(found: Sequence[Lexeme], n: int, terminal: str) -> tuple[list[Lexeme], int]:
    items, after = [found[n]], n + 1
    # “by department and by month” repeats the word before.
    repeated = found[n - 1].terminal if n and found[n - 1].terminal in (*_PREPOSITIONS, "BY") else None
    while _at(found, after) == "AND":
        ahead = after + 1
        while _at(found, ahead) == "AND":  # “, and”
            ahead += 1
        if repeated is not None and _at(found, ahead) == repeated:
            ahead += 1
        if _at(found, ahead) != terminal:
            break
        items.append(found[ahead])
        after = ahead + 1
    return items, after
