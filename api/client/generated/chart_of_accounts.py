"""ChartOfAccounts of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.client.call import Call, given
from api.client.operations import Resource, S, operation


class ChartFallback(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where what no rule fits is booked."""

    account: str
    name: str


class ChartOfAccounts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The chart of accounts of an organization."""

    rules: list[ChartRuleSet]
    otherwise: list[ChartFallback]
    changed_at: datetime | None = None
    changed_by: str | None = None


class ChartRuleSet(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What fits all that it names is booked on `name`."""

    account: str
    department_id: str | None = None
    category: str | None = None
    mcc: str | None = None
    name: str
    code: str | None = None


class ChartOfAccountsResource(Resource[S]):
    """Operations on chart of accounts."""

    @operation
    def read(self) -> Call[ChartOfAccounts]:
        """Read the chart of accounts."""
        return Call("GET", "/v1/chart-of-accounts", ChartOfAccounts, reads=True)

    @operation
    def set(
        self, *, rules: Sequence[Mapping[str, Any]], if_match: str | None = None
    ) -> Call[ChartOfAccounts]:
        """Set the chart of accounts."""
        return Call(
            "PUT", "/v1/chart-of-accounts", ChartOfAccounts, body=given(rules=rules), if_match=if_match
        )
