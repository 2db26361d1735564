"""From what a provider says of somebody to his role and his departments, by the rules of an Org Admin."""

from __future__ import annotations

from collections.abc import Mapping as Claims
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from api.access.roles import Role
from api.http.types import DepartmentName, Input, Text

RULES_MAX: Final = 100
#: A rule with it holds for everybody.
EVERYBODY: Final = "*"

_Claim = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=200,
        description="its name; of one inside of another with dots: `realm_access.roles`",
        examples=["groups"],
    ),
]
_Value = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=200,
        description="that the claim is, or has in its list; `*`: whatever it is, or none",
        examples=["spendlog-managers"],
    ),
]


class RoleRule(Input):
    """Whom a value of the claim makes what."""

    value: _Value
    role: Role = Field(examples=["finance_manager"])


class DepartmentRule(Input):
    """A department that a value of the claim stands for."""

    value: _Value
    department: DepartmentName = Field(examples=["sales"])


class RoleMapping(Input):
    """The first rule that holds gives the role; where none does, nobody gets in."""

    claim: _Claim
    rules: list[RoleRule] = Field(min_length=1, max_length=RULES_MAX)


class DepartmentMapping(Input):
    """All rules that hold together give the departments; where none does, he has none."""

    claim: _Claim
    rules: list[DepartmentRule] = Field(min_length=1, max_length=RULES_MAX)


class ClaimMapping(Input):
    """What is not mapped stays as the invitation or an Org Admin has set it."""

    model_config = ConfigDict(title="ClaimMapping")

    roles: RoleMapping | None = None
    departments: DepartmentMapping | None = None

    def role_of(self, claims: Claims[str, Any]) -> Role | None:
        """None: no rule holds. Raises ValueError where roles are not mapped."""
        if self.roles is None:
            raise ValueError("roles are not mapped")
        values = values_of(claims, self.roles.claim)
        return next((rule.role for rule in self.roles.rules if _holds(rule.value, values)), None)

    def departments_of(self, claims: Claims[str, Any]) -> list[str]:
        """Raises ValueError where departments are not mapped."""
        if self.departments is None:
            raise ValueError("departments are not mapped")
        values = values_of(claims, self.departments.claim)
        return sorted({rule.department for rule in self.departments.rules if _holds(rule.value, values)})


def values_of(claims: Claims[str, Any], name: str) -> frozenset[str]:
    """The texts of a claim, one or a list; of a name with dots that is no claim itself, those inside."""
    found: Any = claims.get(name)
    if found is None and "." in name:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Claims) else None
    listed = found if isinstance(found, list | tuple) else [found]
    return frozenset(one for one in listed if isinstance(one, str))


def _holds(value: str, values: frozenset[str]) -> bool:
    return value == EVERYBODY or value in values
