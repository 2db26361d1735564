"""Pages of a list of payments: which rows come after the last one of the page before (keyset paging)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

from api.http.paging import Page

_NAME: Final[tuple[LiteralString, LiteralString]] = ("authorization_id", "department_id")


class PaymentPlace(NamedTuple):
    """Where a page ended: `at` is the time, amount or score that the list is ordered by."""

    at: datetime | float
    authorization_id: str
    department_id: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of `ListOrder.beyond`."""
        return {
            "after_at": self.at,
            "after_id": self.authorization_id,
            "after_department": self.department_id,
        }


def place_after(page: Page, at: type[datetime] | type[int] | type[float]) -> PaymentPlace | None:
    """Where the page before ended; None: this is the first. `at`: of which type the list's order is.

    Raises:
        Problem: 422, `after` is no cursor of this list.
    """
    key: tuple[Any, str, str] | None = page.key(tuple[at, str, str])  # type: ignore[valid-type]  # at run time
    return None if key is None else PaymentPlace(*key)


class ListOrder(NamedTuple):
    """By which column, then by the payment's id and department; `down`: the highest first."""

    column: LiteralString
    down: bool

    def of(self, table: LiteralString) -> LiteralString:
        """What stands after ORDER BY."""
        direction: LiteralString = "DESC" if self.down else "ASC"
        columns: tuple[LiteralString, ...] = (self.column, *_NAME)
        return ", ".join(f"{table}.{column} {direction}" for column in columns)

    def beyond(self, table: LiteralString) -> LiteralString:
        """The condition of what comes after a `PaymentPlace`."""
        columns: tuple[LiteralString, ...] = (self.column, *_NAME)
        names: LiteralString = ", ".join(f"{table}.{column}" for column in columns)
        sign: LiteralString = "<" if self.down else ">"
        return f"({names}) {sign} (%(after_at)s, %(after_id)s, %(after_department)s)"


NEWEST: Final = ListOrder("created_at", down=True)
OLDEST: Final = ListOrder("created_at", down=False)
