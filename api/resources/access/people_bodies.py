"""Bodies of the routes of people, invitations and passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StrictStr

from api.access.roles import Role
from api.http.paging import NEXT
from api.http.types import DepartmentName, Input, Output, Text


def _address(text: str) -> str:
    name, _, host = text.strip().lower().partition("@")
    if not name or not host or "@" in host or any(one.isspace() for one in name + host):
        raise ValueError("must be an e-mail address")
    return f"{name}@{host}"


Email = Annotated[
    Text, Field(min_length=3, max_length=200, examples=["dora@techcorp.com"]), AfterValidator(_address)
]
Departments = Annotated[
    list[DepartmentName],
    Field(
        max_length=100,
        description="of an employee his own; of a finance manager those that he reaches, none means all",
        examples=[["sales"]],
    ),
]
Employee = Annotated[
    Text, Field(min_length=1, max_length=200, description="as cards name their holder", examples=["dora"])
]
Password = Annotated[SecretStr, Field(min_length=1, max_length=200, examples=["four unusual words make one"])]
Code = Annotated[
    StrictStr | None,
    Field(default=None, min_length=6, max_length=40, description="of the second factor", examples=[None]),
]
GivenCode = Annotated[
    StrictStr,
    Field(min_length=6, max_length=40, description="of the second factor", examples=["492039"]),
]
Token = Annotated[
    StrictStr,
    Field(min_length=20, max_length=100, examples=["Zk3v0gq2mJ6x0Wc4m1bXr8d5u7y9t1s3p2o4n6l8k0h"]),
]


class PersonChangeIn(Input):
    """What is not in it stays as it is."""

    model_config = ConfigDict(title="PersonChange")

    role: Role | None = Field(default=None, examples=["finance_manager"])
    departments: Departments | None = None
    employee: Employee | None = None


class PersonOut(Output):
    """Somebody of the organization."""

    model_config = ConfigDict(title="Person")

    person_id: str = Field(examples=["usr_5d0c1f4e2b9a7c3d"])
    email: str = Field(examples=["carol@techcorp.com"])
    name: str = Field(examples=["Carol Stein"])
    role: Role
    departments: list[str] = Field(
        description="of an employee his own; of a finance manager: none means all", examples=[["sales"]]
    )
    employee: str = Field(description="as cards name their holder", examples=["carol@techcorp.com"])
    password: bool = Field(description="whether there is one; else he comes by a link or another provider")
    second_factor: bool
    created_at: datetime = Field(description="since when he belongs to the organization")
    changed_at: datetime = Field(description="`ETag` is made of it")
    seen_at: datetime | None = Field(description="last request, give or take half a minute", examples=[None])


class PersonListOut(Output):
    """A page of people, by e-mail address."""

    model_config = ConfigDict(title="PersonList")

    people: list[PersonOut]
    next: str | None = Field(description=NEXT)


class InvitationIn(Input):
    """Whom to invite, and as what."""

    model_config = ConfigDict(title="NewInvitation")

    email: Email
    role: Role = Field(examples=["employee"])
    name: Text | None = Field(
        default=None, min_length=1, max_length=100, description="as he is called", examples=["Dora Klein"]
    )
    departments: Departments = Field(default=[])
    employee: Employee | None = Field(default=None, description="his address, if absent")


class InvitationOut(Output):
    """An offer to belong to the organization."""

    model_config = ConfigDict(title="Invitation")

    invitation_id: str = Field(examples=["inv_9f86d081884c7d659a2f"])
    email: str = Field(examples=["dora@techcorp.com"])
    name: str = Field(examples=["Dora Klein"])
    role: Role
    departments: list[str] = Field(examples=[["sales"]])
    employee: str = Field(examples=["dora@techcorp.com"])
    status: Literal["open", "expired", "accepted", "withdrawn"]
    created_at: datetime
    created_by: str = Field(examples=["ada@techcorp.com"])
    expires_at: datetime


class LinkOut(Output):
    """A link that is shown once. Whoever has it can use it: hand it over as you would a password."""

    token: str | None = Field(
        description="null: it was sent by e-mail, or this is the answer to a repeat",
        examples=["Zk3v0gq2mJ6x0Wc4m1bXr8d5u7y9t1s3p2o4n6l8k0h"],
    )
    path: str | None = Field(
        description="page of this host that takes it", examples=["/invitation#Zk3v0gq2mJ6x0Wc4m1bXr8d5u7y9"]
    )
    mailed: bool = Field(description="whether it was sent to the address", examples=[False])


class NewInvitationOut(InvitationOut, LinkOut):
    """An invitation that was just made, with its link."""

    model_config = ConfigDict(title="CreatedInvitation")


class InvitationListOut(Output):
    """A page of invitations, newest first."""

    model_config = ConfigDict(title="InvitationList")

    invitations: list[InvitationOut]
    next: str | None = Field(description=NEXT)


class AcceptanceIn(Input):
    """An invitation's token, and the password: one's own, or a new one."""

    model_config = ConfigDict(title="Acceptance")

    token: Token
    password: Password
    code: Code


class PasswordResetOut(LinkOut):
    """A link that sets a new password, once."""

    model_config = ConfigDict(title="PasswordReset")

    expires_at: datetime


class ForgottenIn(Input):
    """Whose password was forgotten."""

    model_config = ConfigDict(title="ForgottenPassword")

    email: Email


class NewPasswordByLinkIn(Input):
    """A reset link's token and the new password."""

    model_config = ConfigDict(title="NewPasswordByLink")

    token: Token
    password: Password
    code: Code


class OwnPasswordIn(Input):
    """The password that is, and the one that shall be."""

    model_config = ConfigDict(title="OwnPassword")

    password: Password
    new_password: Password
    code: Code
