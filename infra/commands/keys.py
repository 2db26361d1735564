"""`spendlog keys create|list|revoke|sealing`: API keys, straight in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from cryptography.fernet import Fernet

from api.access.keys import EVERYDAY_SCOPES, ApiKey, KeyNotCreated, Scope, create_key, list_keys, revoke_key
from infra.database import required_postgres, understood
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """API keys of organizations."""


@app.command()
def create(
    organization: Annotated[str, typer.Option(help="The organization that the key speaks for.")],
    name: Annotated[str, typer.Option(help="What it is for; shown in lists.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            metavar="SCOPE",
            help=f"What it may do; repeat it. One of {', '.join(Scope)}. All but budgets:approve, "
            "ledger:correct, caps:write and simulations:write (test mode), if absent: those must be named.",
        ),
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(
            help="Who holds it, such as an e-mail address or an employee's id: what is done with the key is "
            "done in this name. Give a key that replaces another one the same. The key's own id, if absent.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. It is shown this one time only."""
    with understood(KeyNotCreated):
        secret, key = create_key(
            _postgres(),
            organization_id=organization,
            name=name,
            scopes=scope or EVERYDAY_SCOPES,
            actor=actor,
        )
    if as_json:
        print_json({"key": secret, **_members(key)})
        return
    typer.echo(secret)  # alone on standard output: KEY=$(spendlog keys create ...)
    typer.echo(f"{key.id} for {key.organization_id}: {', '.join(sorted(key.scopes))}", err=True)
    if actor is not None:
        typer.echo(f"It acts as {key.actor}, as {_others(key)} of this organization.", err=True)
    typer.echo("Keep it now: only its hash is stored.", err=True)


@app.command("list")
def list_(
    organization: Annotated[str | None, typer.Option(help="Only of this organization.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show keys, without their secrets."""
    with understood(KeyNotCreated):
        found = list_keys(_postgres(), organization_id=organization)
    if as_json:
        print_json([_members(key) for key in found])
        return
    table = TextTable("id", "organization", "name", "actor", "key", "scopes", "created", "revoked")
    for key in found:
        table.add(
            *(key.id, key.organization_id, key.name, key.actor, f"{key.prefix}_..."),
            *(", ".join(sorted(key.scopes)), _shown(key.created_at), _shown(key.revoked_at)),
        )
    table.print()


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, or its first part, sl_...")], as_json: AsJson = False
) -> None:
    """End a key. Running API processes notice within 5 seconds."""
    with understood(KeyNotCreated):
        revoked = revoke_key(_postgres(), key=key)
    if revoked is None:
        raise SpendlogError(f"there is no key {key!r}; `spendlog keys list` shows them")
    if as_json:
        print_json(_members(revoked))
        return
    typer.echo(f"{revoked.id} is revoked since {_shown(revoked.revoked_at)}")


@app.command()
def sealing(as_json: AsJson = False) -> None:
    """Make a key for SPENDLOG_API_SEALING_KEYS and print it; nothing is stored."""
    key = Fernet.generate_key().decode()
    if as_json:
        print_json({"key": key})
        return
    typer.echo(key)


def _postgres() -> str:
    return required_postgres("the database that has the keys")


def _others(key: ApiKey) -> str:
    """The keys with the same actor: none where a known person's was misspelt."""
    keys = list_keys(_postgres(), organization_id=key.organization_id)
    others = [one.id for one in keys if one.actor == key.actor and one.id != key.id]
    return f"do {', '.join(others)}" if others else "does no other key"


def _members(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "organization_id": key.organization_id,
        "name": key.name,
        "actor": key.actor,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat() if key.created_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")
