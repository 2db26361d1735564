"""An answer's table as texts, for CSV and terminals."""

from __future__ import annotations

from decimal import Decimal

from api.http.types import MoneyOut
from api.questions.answer import AnswerOut, Cell
from schemas.money import exponent


def text_rows(answer: AnswerOut) -> tuple[list[str], list[list[str]]]:
    """Header and rows. Money is a decimal, with its currency in a column of its own where there is any."""
    money = any(column.kind == "money" for column in answer.columns)
    header = [column.name for column in answer.columns] + (["currency"] if money else [])
    rows = []
    for row in answer.rows:
        currency = next((cell.currency for cell in row if isinstance(cell, MoneyOut)), "")
        rows.append([text_of(cell) for cell in row] + ([currency] if money else []))
    return header, rows


def text_of(cell: Cell) -> str:
    if isinstance(cell, MoneyOut):
        return f"{Decimal(cell.minor).scaleb(-exponent(cell.currency)):f}"
    return "" if cell is None else str(cell)
