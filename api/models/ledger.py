"""What the books say."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.models.base import MoneyOut, Output


class PeriodBalanceOut(Output):
    """The department's own budget in one period. limit = pending + posted + available."""

    model_config = ConfigDict(title="PeriodBalance")

    period: str = Field(examples=["2026-03"])
    limit: MoneyOut
    pending: MoneyOut = Field(description="held")
    posted: MoneyOut = Field(description="settled, less refunds and won disputes")
    available: MoneyOut


class BalancesOut(Output):
    """A department's balances, one for each period in which something happened."""

    model_config = ConfigDict(title="Balances")

    organization_id: str
    department_id: str
    periods: list[PeriodBalanceOut]
    position: str | None = Field(
        description="`partition:seq` of the last decision that may be in it; null: none yet",
        examples=["3:1042"],
    )


class AccountOut(Output):
    """One account: debits less credits."""

    model_config = ConfigDict(title="Account")

    account: str = Field(examples=["department:techcorp/engineering:card-spend"])
    layer: str = Field(description="pending: what is held; posted: what is settled", examples=["posted"])
    balance: MoneyOut = Field(description="below zero: more credits than debits")
    entries: int = Field(examples=[120])


class AccountsOut(Output):
    """The accounts that a department's transfers name; of the organization's accounts, its own part."""

    model_config = ConfigDict(title="Accounts")

    organization_id: str
    department_id: str
    accounts: list[AccountOut]
    position: str | None = Field(
        description="`partition:seq` of the last decision that may be in it; null: none yet",
        examples=["3:1042"],
    )


class TrialLineOut(Output):
    """All entries of one currency and layer, added up."""

    model_config = ConfigDict(title="TrialBalanceLine")

    currency: str = Field(examples=["USD"])
    layer: str = Field(examples=["posted"])
    total: MoneyOut = Field(description="0, or the books are wrong")
    entries: int = Field(examples=[2400])


class TrialBalanceOut(Output):
    """An organization's trial balance."""

    model_config = ConfigDict(title="TrialBalance")

    organization_id: str
    balanced: bool
    lines: list[TrialLineOut]
