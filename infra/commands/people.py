"""`spendlog people add|list|link|password|remove`: who may sign in, straight in PostgreSQL."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from api.access.membership import (
    LINK_LIFE,
    PeopleFault,
    add_member,
    list_members,
    remove_member,
    set_password,
    sign_in_link,
)
from api.access.roles import OPERATORS, Role
from infra.database import required_postgres, understood
from infra.output import AsJson, TextTable, print_json

app = typer.Typer(no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="E-mail address.")]


@app.callback()
def people() -> None:
    """People who sign in, and their roles."""


@app.command()
def add(
    email: Email,
    organization: Annotated[str, typer.Option(help=f"The organization; {OPERATORS} for a system_admin.")],
    role: Annotated[Role, typer.Option(help="What he is there; docs/access.md says what each may do.")],
    name: Annotated[str | None, typer.Option(help="As he is called.")] = None,
    department: Annotated[
        list[str] | None,
        typer.Option(help="Of an employee his own; of a finance manager those he reaches, none for all."),
    ] = None,
    employee: Annotated[
        str | None, typer.Option(help="As cards name their holder; his address, if absent.")
    ] = None,
) -> None:
    """Make somebody a member, or change what he is."""
    with understood(PeopleFault):
        add_member(
            _postgres(),
            organization_id=organization,
            email=email,
            role=role,
            name=name,
            departments=department or (),
            employee=employee,
        )
    typer.echo(f"{email} is {role} of {organization}; `spendlog people link {email}` lets him in", err=True)


@app.command("list")
def list_(
    organization: Annotated[str | None, typer.Option(help="Only of this organization.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show people and their roles."""
    with understood(PeopleFault):
        found = list_members(_postgres(), organization)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = TextTable("organization", "e-mail", "name", "role", "departments", "employee", "password")
    for one in found:
        place = (one.organization_id, one.email, one.name, one.role, ", ".join(one.departments))
        table.add(*place, one.employee, "yes" if one.password else "no")
    table.print()


@app.command()
def link(
    email: Email,
    organization: Annotated[str | None, typer.Option(help="Where, of several; the first, if absent.")] = None,
) -> None:
    """Print a token that signs in once (`POST /v1/sessions/links`), for half an hour."""
    with understood(PeopleFault):
        typer.echo(sign_in_link(_postgres(), email=email, organization_id=organization))
    typer.echo(f"Good once, for {LINK_LIFE.seconds // 60} minutes.", err=True)


@app.command()
def password(email: Email) -> None:
    """Set a password, typed or from standard input; all his sessions end."""
    if sys.stdin.isatty():
        words = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        words = sys.stdin.readline().rstrip("\n")
    with understood(PeopleFault):
        set_password(_postgres(), email=email, password=words)
    typer.echo(f"{email} has a new password", err=True)


@app.command()
def remove(
    email: Email, organization: Annotated[str, typer.Option(help="Where he is a member no longer.")]
) -> None:
    """End a membership, and its sessions with it within 5 seconds."""
    with understood(PeopleFault):
        remove_member(_postgres(), organization_id=organization, email=email)
    typer.echo(f"{email} is no member of {organization} any more", err=True)


def _postgres() -> str:
    return required_postgres("the database that has the people")
