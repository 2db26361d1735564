"""People and what they are in an organization, straight in PostgreSQL, for commands."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from api.access.audit import tell_now
from api.access.keys import digest
from api.access.passwords import fault_of, hashed_now
from api.access.roles import OPERATORS, Role, fits
from api.stores.postgres import Unstorable, direct
from api.stores.sql import statement
from schemas.ids import is_name

LINK_LIFE: Final = timedelta(minutes=30)
_ADDRESS_MAX: Final = 200


class PeopleFault(ValueError):
    """What was asked for cannot be; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organization, as lists show him."""

    organization_id: str
    person_id: str
    email: str
    name: str
    role: Role
    departments: tuple[str, ...]
    employee: str
    password: bool


def add_member(
    postgres: str,
    *,
    organization_id: str,
    email: str,
    role: Role,
    name: str | None = None,
    departments: Sequence[str] = (),
    employee: str | None = None,
) -> None:
    """Makes somebody a member, or changes what he is there. Raises PeopleFault, PostgresAway."""
    email = email.strip().lower()
    if email.count("@") != 1 or not email.isprintable() or " " in email or len(email) > _ADDRESS_MAX:
        raise PeopleFault(f"{email!r} is no e-mail address")
    if not (is_name(organization_id) or organization_id == OPERATORS) or not fits(role, organization_id):
        raise PeopleFault(
            f"there is no {role} in {organization_id!r}: a system_admin is a member of {OPERATORS!r}, "
            "and nobody else is"
        )
    if wrong := [one for one in departments if not is_name(one)]:
        raise PeopleFault(f"{wrong[0]!r} is no department id: 1-64 of letters, digits, dot, _ and -")
    with _unless_last(), direct(postgres) as connection:
        row = connection.execute(
            statement("person_for"),
            {
                "person_id": f"usr_{secrets.token_hex(8)}",
                "email": email,
                "name": name or email.partition("@")[0],
            },
        ).fetchone()
        assert row is not None
        connection.execute(
            statement("set_membership"),
            {
                "organization_id": organization_id,
                "person_id": row["person_id"],
                "role": role.value,
                "department_ids": sorted(set(departments)),
                "employee_id": employee or email,
            },
        )
        after = {
            "email": email,
            "role": role,
            "departments": sorted(set(departments)),
            "employee": employee or email,
        }
        tell_now(connection, organization_id, "add_member", f"/v1/people/{row['person_id']}", after=after)


def remove_member(postgres: str, *, organization_id: str, email: str) -> None:
    """His sessions and links there end with it. Raises PeopleFault, PostgresAway."""
    asked = {"organization_id": organization_id, "email": email.strip().lower()}
    with _unless_last(), direct(postgres) as connection:
        row = connection.execute(statement("remove_membership"), asked).fetchone()
        if row is None:
            raise PeopleFault(f"{email} is no member of {organization_id}")
        before = {"email": asked["email"]}
        place = f"/v1/people/{row['person_id']}"
        tell_now(connection, organization_id, "remove_member", place, before=before)


@contextmanager
def _unless_last() -> Iterator[None]:
    try:
        yield
    except Unstorable as refused:
        if refused.constraint == "break_glass":
            words = "that is the break-glass admin: name another under /v1/sign-on-policy first"
            raise PeopleFault(words) from None
        raise PeopleFault("that is the last Org Admin: make somebody else one first") from None


def list_members(postgres: str, organization_id: str | None = None) -> list[Member]:
    """Of one organization or all, by e-mail address. Raises PostgresAway."""
    with direct(postgres) as connection:
        rows = connection.execute(statement("list_members"), {"organization_id": organization_id}).fetchall()
    return [
        Member(**{**row, "role": Role(row["role"]), "departments": tuple(row["departments"])}) for row in rows
    ]


def sign_in_link(postgres: str, *, email: str, organization_id: str | None = None) -> str:
    """A token that signs in once, within LINK_LIFE. Raises PeopleFault, PostgresAway."""
    token = secrets.token_urlsafe(32)
    with direct(postgres) as connection:
        row = connection.execute(
            statement("make_link"),
            {
                "sha256": digest(token),
                "link_id": f"lnk_{secrets.token_hex(8)}",
                "email": email.strip().lower(),
                "organization_id": organization_id,
                "expires_at": datetime.now(UTC) + LINK_LIFE,
            },
        ).fetchone()
        if row is None:
            raise PeopleFault(f"{email} is no member; `spendlog people add` makes him one")
        place = f"/v1/people/{row['person_id']}"
        tell_now(connection, row["organization_id"], "make_sign_in_link", place)
    return token


def set_password(postgres: str, *, email: str, password: str) -> None:
    """Ends all his sessions. Raises PeopleFault, PostgresAway."""
    if fault := fault_of(password, email):
        raise PeopleFault(f"the password {fault}")
    with direct(postgres) as connection:
        asked = {"email": email.strip().lower(), "password_hash": hashed_now(password)}
        row = connection.execute(statement("set_password"), asked).fetchone()
        if row is None:
            raise PeopleFault(f"there is no {email}; `spendlog people add` adds him")
        for organization_id in row["organizations"]:
            tell_now(connection, organization_id, "set_password", f"/v1/people/{row['person_id']}")
