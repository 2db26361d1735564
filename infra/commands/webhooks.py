"""`spendlog webhooks`: the sender as a process, and endpoints and deliveries through the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from api.client import Client
from infra.errors import SpendlogError
from infra.listening import listening
from infra.output import AsJson, TextTable, print_json, visible
from infra.rest import connected
from infra.running.commands import SENDER
from infra.supervision import supervise

app = typer.Typer(no_args_is_help=True)

PAGE_MAX = 1_000

Endpoint = Annotated[str, typer.Argument(help="The endpoint's id, whe_...", show_default=False)]


@app.callback()
def webhooks() -> None:
    """Webhooks: send them, and look after endpoints and deliveries.

    All but `run` call the API: SPENDLOG_API_URL and SPENDLOG_API_KEY name it and your key, whose scopes
    are webhooks:read and webhooks:write.
    """


@app.command()
def run() -> None:
    """Send queued deliveries until Ctrl-C or SIGTERM. Several may run."""
    raise typer.Exit(supervise("the sender of webhooks", SENDER))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List endpoints, and how each stands."""
    with connected() as api:
        found = api.webhooks.list.answer().json()
    if as_json:
        print_json(found)
        return
    table = TextTable("endpoint", "status", "waiting", "types", "departments", "url")
    for one in found["endpoints"]:
        failing = f"failing since {one['failing_since']}" if one["failing_since"] else one["status"]
        table.add(
            one["endpoint_id"],
            f"paused: {one['paused_reason']}" if one["status"] == "paused" else failing,
            str(one["waiting"]),
            ", ".join(one["event_types"]) or "all",
            ", ".join(one["department_ids"]) or "all",
            one["url"],
        )
    table.print()


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="https://..., a public host.", show_default=False)],
    event_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type, or group: card.*. May be repeated.")
    ] = None,
    department: Annotated[
        list[str] | None, typer.Option("--department", help="Only of this one. May be repeated.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an endpoint, and show its secret this once."""
    with connected() as api:
        made = _made(api, url, event_type or [], department or [], description or "")
    if as_json:
        print_json(made)
    else:
        typer.echo(f"endpoint  {made['endpoint_id']}\nsecret    {made['secret']}  (it is not shown again)")


@app.command()
def remove(endpoint: Endpoint) -> None:
    """Remove an endpoint, with what waits for it."""
    with connected() as api:
        api.webhooks.remove(endpoint)


@app.command()
def resume(endpoint: Endpoint) -> None:
    """Set a paused endpoint active: it begins anew, and what waits for it goes out."""
    with connected() as api:
        api.webhooks.change(endpoint, status="active")


@app.command()
def rotate(
    endpoint: Endpoint,
    overlap_s: Annotated[
        int, typer.Option("--overlap", min=0, help="Seconds for which the old one signs, too.")
    ] = 86_400,
) -> None:
    """Make a new secret, and show it this once."""
    with connected() as api:
        typer.echo(api.webhooks.rotate_secret(endpoint, overlap_s=overlap_s).secret)


@app.command()
def test(endpoint: Endpoint) -> None:
    """Send an event by hand; `spendlog webhooks deliveries` says what came of it."""
    with connected() as api:
        typer.echo(api.webhooks.send_test_event(endpoint).event_id)


@app.command()
def deliveries(
    endpoint: Endpoint,
    status: Annotated[str | None, typer.Option(help="pending, delivered, failed or dropped.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Only this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX, help="So many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was sent to an endpoint, and what came of it."""
    with connected() as api:
        page = api.webhooks.deliveries.answer(endpoint, status=status, event_type=event_type, limit=limit)
    found = page.json()
    if as_json:
        print_json(found)
        return
    table = TextTable("queued", "event", "type", "status", "attempts", "last attempt")
    for one in found["deliveries"]:
        last = one["last_attempt"]
        came = "" if last is None else last["error"] or f"{last['status_code']} in {last['took_ms']} ms"
        cells = (one["created_at"], one["event_id"], one["event_type"], one["status"])
        table.add(*cells, str(one["attempts"]), came)
    table.print()


@app.command()
def replay(
    endpoint: Endpoint,
    event: Annotated[str | None, typer.Option(help="This event alone.")] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.0, help="What was queued in the last hours, and failed.")
    ] = None,
    delivered: Annotated[bool, typer.Option("--delivered", help="Of those hours the others, too.")] = False,
) -> None:
    """Send one delivery, or those of a span, once more."""
    if (event is None) == (hours is None):
        raise SpendlogError("name either one event with --event, or a span with --hours")
    with connected() as api:
        if event is not None:
            api.webhooks.replay(endpoint, event)
            replayed = 1
        else:
            replayed = _replay_span(api, endpoint, timedelta(hours=hours or 0.0), delivered)
    typer.echo(f"{replayed:,} wait to be sent again")


@app.command()
def listen(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="To listen on; 0: a free one.")] = 0,
    url: Annotated[
        str | None, typer.Option(help="Where the API's sender finds that port, if not on this machine.")
    ] = None,
    event_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type, or group: card.*. May be repeated.")
    ] = None,
    events: Annotated[int, typer.Option(min=0, help="End after so many; 0: never.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show events as they come, on an endpoint that is made for this and removed at the end.

    On this machine the API and the sender need SPENDLOG_WEBHOOKS_ALLOW_LOCAL=true, as `spendlog run` has it.
    """
    with connected() as api, listening(port) as receiver:
        made = _made(api, url or receiver.url, event_type or [], [], "spendlog webhooks listen")
        typer.echo(f"listening on {url or receiver.url} as {made['endpoint_id']}; Ctrl-C ends it", err=True)
        try:
            for number, event in enumerate(receiver.verified(made["secret"]), 1):
                print_json(event) if as_json else typer.echo(_line(event))
                if number == events:
                    break
        except KeyboardInterrupt:
            pass
        finally:
            api.webhooks.remove(made["endpoint_id"])


def _made(
    api: Client, url: str, event_types: list[str], departments: list[str], description: str
) -> dict[str, Any]:
    made = api.webhooks.create.answer(
        url=url, event_types=event_types, department_ids=departments, description=description
    )
    found: dict[str, Any] = made.json()
    return found


def _replay_span(api: Client, endpoint: str, span: timedelta, delivered: bool) -> int:
    now = datetime.now(UTC)
    since, until = (now - span).isoformat(), now.isoformat()
    statuses = ["failed", "dropped", *(["delivered"] if delivered else [])]
    replayed, more = 0, True
    while more:
        found = api.webhooks.replay_span(endpoint, since=since, until=until, statuses=statuses)
        replayed, more = replayed + found.replayed, found.more
    return replayed


def _line(event: dict[str, Any]) -> str:
    data = event["data"]
    money = data.get("amount")
    about = data.get("authorization_id") or data.get("card_id") or data.get("budget_id") or ""
    reasons = data.get("reasons") or []
    words = [
        str(event["timestamp"]),
        str(event["type"]),
        str(event["department_id"] or ""),
        str(about),
        f"{money['minor']} {money['currency']}" if money else "",
        reasons[0]["sentence"] if reasons else "",
    ]
    return visible("  ".join(word for word in words if word))
