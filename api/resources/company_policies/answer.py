"""A company's policy: what became of it in each department, and what is in force where."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from api.http.paging import NEXT
from api.http.types import Output
from api.resources.reasons import ReasonOut

DIGEST = "16 hex digits that tell policies apart by their content"

FateStatus = Literal["accepted", "rejected", "pending", "not_sent"]


class PolicyFateOut(Output):
    """What became of it in one department: the same for every repeat, once it is decided."""

    model_config = ConfigDict(title="PolicyFate")

    department_id: str = Field(examples=["engineering"])
    status: FateStatus = Field(
        description="`pending`: not decided within the wait; `not_sent`: nothing was written for it"
    )
    policy_version: int | None = Field(
        description="its number in this department; null where it was not accepted, and in a repeat while "
        "the ledger cannot be asked",
        examples=[3],
    )
    position: str | None = Field(description="`partition:seq` of the first decision", examples=["3:1042"])
    reasons: list[ReasonOut] = Field(description="of a rejection", examples=[[]])
    detail: str | None = Field(
        description="what is known of one that is pending or was not sent", examples=[None]
    )
    look_up: str = Field(
        description="where the department's versions are",
        examples=["/v1/organizations/techcorp/departments/engineering/policies"],
    )


class CompanyPolicySetOut(Output):
    """What became of the policy, department by department."""

    model_config = ConfigDict(title="CompanyPolicySet")

    organization_id: str = Field(examples=["techcorp"])
    status: Literal["complete", "pending", "partial"] = Field(
        description="`complete`: accepted everywhere; `pending`: some are not decided or not sent, repeat "
        "the request; `partial`: decided everywhere, and rejected by some",
        examples=["complete"],
    )
    message: str = Field(examples=["Accepted in 3 of 3 departments."])
    digest: str = Field(description=DIGEST, examples=["9f2b6c1d0e7a4853"])
    activate: bool = Field(description="in force at once; else a draft in each department")
    departments: list[PolicyFateOut]


class DraftOut(Output):
    """A version that waits to be put in force."""

    model_config = ConfigDict(title="PolicyDraft")

    version: int = Field(examples=[4])
    digest: str = Field(description=DIGEST, examples=["1c0b58a6d2e94f37"])
    drafted_at: datetime | None
    position: str = Field(description="`partition:seq` of the decision that drafted it", examples=["3:1050"])


class DepartmentPolicyOut(Output):
    """What is in force in one department."""

    model_config = ConfigDict(title="DepartmentPolicy")

    department_id: str = Field(examples=["engineering"])
    name: str = Field(examples=["Engineering"])
    version: int = Field(description="0: the default policy", examples=[3])
    default: bool = Field(description="nobody has put a policy of its own in force", examples=[False])
    digest: str = Field(description=DIGEST, examples=["9f2b6c1d0e7a4853"])
    activated_at: datetime | None = Field(description="null: always")
    position: str | None = Field(
        description="`partition:seq` of the decision that put it in force; null: always", examples=["3:1042"]
    )
    drafts: list[DraftOut] = Field(description="newer versions that never were in force, newest first")


class PolicyInForceOut(Output):
    """One content, and in how many departments it is in force."""

    model_config = ConfigDict(title="PolicyInForce")

    digest: str = Field(description=DIGEST, examples=["9f2b6c1d0e7a4853"])
    departments: int = Field(examples=[12])
    default: bool = Field(
        description="it is the default policy's content, of a currency that is used here", examples=[False]
    )


class CompanyPoliciesOut(Output):
    """An organization's departments by id. More than one `in_force`: some have drifted from the others.

    The default policy is another one in each currency, and counts as such.
    """

    model_config = ConfigDict(title="CompanyPolicies")

    organization_id: str = Field(examples=["techcorp"])
    in_force: list[PolicyInForceOut] = Field(description="of all departments, the most frequent first")
    departments: list[DepartmentPolicyOut]
    next: str | None = Field(description=NEXT)
