"""Kinds of columns of the books: the bound that each is held to a second time, by the database.

`sinks.ledger.rows` says which column is of which kind; the newest migration that names a column holds it
there, and a test tries each of them by SQL. A kind of `schemas` is refused first by the event's schema; one
that is refused first by another says by whom.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from schemas.money import TOTAL_MAX
from schemas.names import MERCHANT_KEY_MAX
from schemas.topics import MESSAGE_BYTES_MAX

_CORE: Final = "the core (`sum_out_of_range`)"
_OURS: Final = "made here"

BudgetName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
StartDay = Annotated[int, msgspec.Meta(ge=1, le=28)]
StartMonth = Annotated[int, msgspec.Meta(ge=1, le=12)]
Mcc = Annotated[str, msgspec.Meta(min_length=4, max_length=4)]
Total = Annotated[int, msgspec.Meta(ge=0, le=TOTAL_MAX), _CORE]
PositiveTotal = Annotated[int, msgspec.Meta(ge=1, le=TOTAL_MAX), _CORE]
SignedTotal = Annotated[int, msgspec.Meta(ge=-TOTAL_MAX, le=TOTAL_MAX), _CORE]
PeriodLabel = Annotated[str, msgspec.Meta(min_length=1, max_length=10), _OURS]  # 2026-11-21, lifetime
# A budget's id, or rule:RULE_ID:SUBJECT
Charged = Annotated[str, msgspec.Meta(min_length=1, max_length=len("rule::") + 64 + 200), _OURS]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64), _OURS]
Hash = Annotated[str, msgspec.Meta(min_length=64, max_length=64), _OURS]
LogRecord = Annotated[str, msgspec.Meta(min_length=1, max_length=MESSAGE_BYTES_MAX), _OURS]
MerchantKey = Annotated[str, msgspec.Meta(min_length=1, max_length=MERCHANT_KEY_MAX), _OURS]
MerchantName = Annotated[str, msgspec.Meta(min_length=1, max_length=MERCHANT_KEY_MAX)]
# department:ORGANIZATION/DEPARTMENT:encumbrance-reserve
AccountName = Annotated[str, msgspec.Meta(min_length=1, max_length=160), _OURS]

Json = Annotated[str, "a column of type json"]
