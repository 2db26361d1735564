"""`spendlog policies apply|list`: one policy for all departments of a company, over the API."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import Client, ClientError, ProblemError, Undecided
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json
from infra.rest import connected, told
from infra.texts import read_text
from schemas.entrance import NoEvent, check_members

app = typer.Typer(no_args_is_help=True)

PENDING = 202
AWAY = 503
# One try waits for 2 s, and its answer has to come.
TRY_S = 3.0
PAGE = 1000  # as many as the API gives on a page

Organization = Annotated[str, typer.Option(help="Whose departments.", show_default=False)]


@app.callback()
def policies() -> None:
    """A policy for the whole company. SPENDLOG_API_URL and SPENDLOG_API_KEY name the API and your key."""


@app.command()
def apply(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help='The policy as JSON: {"rules": [...], ...}.', show_default=False
        ),
    ],
    organization: Organization,
    department: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; repeat it. All that have a budget, if absent.", show_default=False),
    ] = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="In force at once; else it is a draft in each department.")
    ] = False,
    request: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Complete an earlier call that said so; it names its key.", show_default=False
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to go on until all have decided.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Send a policy to every department and show what became of it in each. Status 1 unless all accept it."""
    key = request or f"policy-{uuid.uuid4()}"
    again = f"the same call again with --request {key} completes it"
    with connected() as api:
        try:
            decided, found = _completed(
                api.within(max(timeout, TRY_S)), organization, _policy(file), activate, department, key
            )
        except ClientError as error:
            if isinstance(error, ProblemError) and error.status < AWAY:
                raise
            words = f"{told(error, api.url)}\nwhat was sent is not known; {again}"
            raise SpendlogError(words) from None
    if as_json:
        print_json(found)
    else:
        _show_outcome(found)
    if not decided:
        typer.echo(f"not complete; {again}", err=True)
    raise typer.Exit(0 if found["status"] == "complete" else 1)


@app.command("list")
def list_(organization: Organization, as_json: AsJson = False) -> None:
    """Which department has which policy in force, by content, and which drafts wait."""
    with connected() as api:
        page = found = api.policies.list_of_company.answer(organization, limit=PAGE).json()
        while page["next"] is not None:
            following = api.policies.list_of_company.answer(organization, limit=PAGE, after=page["next"])
            page = following.json()
            found["departments"] += page["departments"]
    found["next"] = None
    if as_json:
        print_json(found)
    else:
        _show_list(found)


# -- parts


def _policy(file: Path) -> dict[str, Any]:
    text = read_text(file)
    try:
        policy = json.loads(text, parse_constant=_no_number)
        check_members(text.encode())  # of two `rules` the last would be sent, and the others be gone
    except NoEvent as twice:
        raise SpendlogError(f"{file}: {twice}") from None
    except ValueError as error:
        raise SpendlogError(f"{file} cannot be read as JSON: {error}") from None
    if not isinstance(policy, dict):
        raise SpendlogError(f"{file} must hold a JSON object: the policy")
    return policy


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _completed(
    api: Client,
    organization: str,
    policy: dict[str, Any],
    activate: bool,
    departments: list[str] | None,
    key: str,
) -> tuple[bool, dict[str, Any]]:
    """Whether all departments have decided within the client's deadline, and the last answer."""
    try:
        answer = api.policies.set_of_company.answer(
            organization,
            policy=policy,
            activate=activate,
            departments=departments or None,
            idempotency_key=key,
        )
    except Undecided as undecided:
        if undecided.body is None or "departments" not in undecided.body:
            raise
        return False, undecided.body
    return True, answer.json()


def _show_outcome(found: dict[str, Any]) -> None:
    table = TextTable("department", "outcome", "version", "position", "why")
    for one in found["departments"]:
        why = "; ".join(reason["message"] for reason in one["reasons"]) or one["detail"] or ""
        version = None if one["policy_version"] is None else str(one["policy_version"])
        table.add(one["department_id"], one["status"], version, one["position"], why)
    table.print()
    kind = "In force at once" if found["activate"] else "Drafts"
    typer.echo(f"{found['message']} {kind}; digest {found['digest']}.")


def _show_list(found: dict[str, Any]) -> None:
    table = TextTable("department", "version", "digest", "since", "position", "drafts")
    for one in found["departments"]:
        version = "default" if one["default"] else str(one["version"])
        drafts = ", ".join(f"{draft['version']} ({draft['digest']})" for draft in one["drafts"])
        since = (one["activated_at"] or "")[:19]
        table.add(one["department_id"], version, one["digest"], since, one["position"], drafts)
    table.print()
    for kind in found["in_force"]:
        default = " (the default policy)" if kind["default"] else ""
        typer.echo(f"{kind['digest']}{default} is in force in {kind['departments']}")
