"""Which purchase a refund of an export gives back. An export does not say; what fits alone is taken."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from infra.imports.row import Row
from schemas.names import folded

# Card schemes let merchants credit and customers dispute for 120 days and more; half a year covers both.
AGE_MAX: Final = timedelta(days=180)


@dataclass(slots=True)
class Links:
    """`purchases`: id of a refund -> its purchase. `unlinked`: why the others have none -> how many.

    `alone`: refunds of an amount that no purchase has.
    """

    purchases: dict[str, Row] = field(default_factory=dict)
    unlinked: Counter[str] = field(default_factory=Counter)
    alone: list[Row] = field(default_factory=list)


def link_refunds(rows: Sequence[Row]) -> Links:
    """Links each refund to the one purchase that it can be of; `rows` are in time order.

    It can be of a purchase of the same department, merchant and amount that was settled before it, at most
    `AGE_MAX` ago, and that no other refund has taken: of the same card if there is one, else of any card. Two
    that fit are none: which of them it was changes which month's budget gets the money.
    """
    links = Links()
    by_card: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    by_department: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    taken: set[str] = set()
    for row in rows:
        what = (row.organization, row.department, folded(row.merchant), row.currency, str(row.minor))
        if not row.refund:
            by_card[*what, row.card].append(row)
            by_department[what].append(row)
            continue
        fitting = _fitting(by_card[*what, row.card], row, taken) or _fitting(by_department[what], row, taken)
        if len(fitting) == 1:
            links.purchases[row.id] = fitting[0]
            taken.add(fitting[0].id)
        elif fitting:
            links.unlinked["several purchases fit"] += 1
        else:
            links.unlinked["no purchase of this amount fits"] += 1
            links.alone.append(row)
    return links


def _fitting(purchases: Sequence[Row], refund: Row, taken: set[str]) -> list[Row]:
    return [
        purchase
        for purchase in purchases
        if purchase.posted_at <= refund.at <= purchase.at + AGE_MAX and purchase.id not in taken
    ]
