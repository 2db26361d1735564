"""Departments of an export: ids from names, and the one currency of each budget."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from zlib import crc32

from infra.imports.row import Row, Unusable
from schemas.names import folded


class Departments:
    """Names to ids: names that look the same are one department; ids never collide."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], str] = {}

    def of(self, organization: str, text: str) -> tuple[str, str]:
        """The department's id and its name as it was first written."""
        name = " ".join(text.split())
        key = (organization, folded(name))
        found = self._ids.get(key)
        if found is None:
            found = slug(name)
            if (organization, found) in self._names:  # "A & B" and "A-B"
                found = f"{found[:55]}-{crc32(key[1].encode()):08x}"
            self._ids[key] = found
            self._names[organization, found] = name
        return found, self._names[organization, found]


def slug(name: str) -> str:
    """An id of a-z, 0-9 and hyphens, at most 64: `EDUCATION & SKILLS` -> education-skills."""
    plain = unicodedata.normalize("NFKD", folded(name)).encode("ascii", "ignore").decode()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    return found or f"department-{crc32(folded(name).encode()):08x}"


def in_one_currency(rows: Iterable[Row], chosen: Mapping[str, str]) -> tuple[list[Row], list[Unusable]]:
    """Rows in the currency of their department's budget, and the others with their reason.

    A budget has one currency: the one that `chosen` names (by the department's name as it looks), else that
    of most of its purchases, of equally many the one that is met first. Not that of the first row: one trip
    before the first purchase at home would list everything else.
    """
    rows = list(rows)
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.organization, row.department][row.currency] += not row.refund
    by_name = {folded(name): currency for name, currency in chosen.items()}
    kept: list[Row] = []
    others: list[Unusable] = []
    for row in rows:
        count = counts[row.organization, row.department]
        currency = by_name.get(folded(row.department_name)) or max(count, key=count.__getitem__)
        if row.currency == currency:
            kept.append(row)
        else:
            others.append(
                Unusable(
                    row.line,
                    f"currency {row.currency}: the budget of {row.department_name} is in {currency} "
                    f"([budget_currency] may say another)",
                )
            )
    return kept, others
