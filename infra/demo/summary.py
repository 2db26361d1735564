"""The end of the demo: what happened, whether it is right, and where to look next."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal

from babel.numbers import format_currency
from rich.console import Console
from rich.markup import escape

from infra.commands.verify import show as show_report
from infra.demo import books
from infra.demo.checks import Checks
from infra.demo.stream import PlayedStream, Tally
from infra.output import TextTable
from infra.replay import replay
from infra.running.log import read_between
from infra.running.system import RunningSystem
from infra.verify import verify
from schemas.decisions import Decision
from schemas.headers import REASON
from schemas.money import exponent
from schemas.topics import DEAD_LETTERS


def money(minor: int, currency: str) -> str:
    digits = exponent(currency)
    return format_currency(Decimal(minor).scaleb(-digits), currency, locale="en_US")


def show_decisions(console: Console, tally: Tally, dead_letters: Mapping[str, int], checks: Checks) -> None:
    console.rule("[bold]Decisions", align="left")
    table = TextTable("outcome", "why", "events", left=2)
    for outcome in ("approved", "declined", "accepted", "rejected"):
        reasons = {"declined": tally.declined, "rejected": tally.rejected}.get(outcome)
        if outcome == "accepted":
            table.add("accepted", "budgets, reversals, clearings, refunds", f"{tally.outcomes[outcome]:,}")
        elif reasons is None:
            table.add(outcome, "", f"{tally.outcomes[outcome]:,}")
        for reason, count in sorted((reasons or {}).items(), key=lambda row: -row[1]):
            table.add(outcome, reason.replace("_", " "), f"{count:,}")
    table.add("repeated", "duplicates: the first answer again", f"{tally.duplicates:,}")
    table.print(console)
    checks.expect(
        "every rejected event is in the dead letters, with its reason",
        dict(dead_letters) == dict(tally.rejected),
        f"{sum(dead_letters.values())} dead letters, {sum(tally.rejected.values())} rejected",
    )


def show_flagged(console: Console, tally: Tally, played: PlayedStream | None = None) -> None:
    console.rule("[bold]Flagged by the model (it flags, it never declines)", align="left")
    planted = (
        f"; of {played.unusual} planted ones {played.unusual_flagged}" if played and played.unusual else ""
    )
    console.print(f"  {tally.flagged:,} of {tally.scored:,} scored requests{planted}", highlight=False)
    if not tally.flagged:
        console.print("  A partition's model flags from its 1,000th request on; no partition had as many.")
    for decision in tally.examples[:1]:
        console.print(f"  for example {escape(_spend(decision))}", highlight=False)
        score = decision.score
        for part in score.reasons if score else ():
            console.print(f"    {part.words} (weight {part.weight:.1f})", highlight=False)


def _spend(decision: Decision) -> str:
    merchant = decision.merchant.name if decision.merchant else "?"
    score = decision.score.value if decision.score else 0
    return (
        f"{decision.card_id} at {merchant}, {money(decision.amount or 0, decision.currency or 'USD')}, "
        f"{decision.outcome.value}, score {score:.2f}, log position {decision.position}"
    )


def show_bookings(console: Console, system: RunningSystem) -> None:
    console.rule("[bold]Bookings in PostgreSQL", align="left")
    by_kind: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for kind, currency, count, total in books.query(system.endpoints.postgres, "bookings", tag=system.tag):
        by_kind[kind][currency] = (count, total)
    currencies = sorted({currency for found in by_kind.values() for currency in found})
    table = TextTable("kind", "transfers", *currencies, left=1)
    for kind in ("hold", "release", "expiry", "clearing", "refund"):
        found = by_kind.get(kind, {})
        count = sum(number for number, _ in found.values())
        cells = (money(found[currency][1], currency) if currency in found else "" for currency in currencies)
        table.add(kind, f"{count:,}", *cells)
    table.print(console)


def check_books(checks: Checks, system: RunningSystem) -> None:
    """The two questions that anyone may ask the database."""
    rows = books.query(system.endpoints.postgres, "zero_sum")
    off = [f"{layer} {currency} {total}" for currency, layer, total, _ in rows if total]
    entries = sum(row[3] for row in rows)
    checks.expect(
        "every currency and layer sums to zero (SQL)", bool(rows) and not off, f"{entries:,} entries"
    )
    above = books.query(system.endpoints.postgres, "above_limit")
    checks.expect(
        "no approval took a department above its budget (SQL)",
        not above,
        "; ".join(map(str, above[:3])) or "bookings against budgets",
    )


def check_log(console: Console, checks: Checks, system: RunningSystem) -> None:
    console.rule("[bold]spendlog verify", align="left")
    endpoints = system.endpoints
    with console.status("reading the log and the books"):
        report = verify(endpoints.kafka, endpoints.postgres, endpoints.redis)
    show_report(report, console)
    checks.expect("the log and the books agree (verify)", report.ok, f"{report.decisions:,} decisions")
    with console.status("deciding the log again"):
        found = replay(endpoints.kafka, rescore=True)
    different = [f"{one.partition}/{one.seq}: {one.why}" for one in found.differences]
    claim = "the log comes out the same when it is decided and scored again (replay)"
    checks.expect(claim, not different, "; ".join(different) or f"{found.decided:,} decisions")


def show_speed(console: Console, played: PlayedStream, booked_s: float) -> None:
    console.rule("[bold]Speed, here and now", align="left")
    table = TextTable("what", "here", header=False)
    table.add(
        "decisions a second",
        f"{played.burst_per_s:,.0f}  ({played.burst_events:,} events in one burst; worker cold, scoring on)",
    )
    p50, p95, p99 = (played.latency_s(share) * 1000 for share in (0.50, 0.95, 0.99))
    table.add(
        f"at {played.pace_per_s} events/s",
        f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms  ({played.paced_events:,} events)",
    )
    table.add("last decision to last booking", f"{booked_s * 1000:.0f} ms")
    table.print(console)
    console.print(
        "  Latency: from handing an event to this program's Kafka client until its committed decision was "
        "read back.\n  Broker, database, worker, sinks, API and this program share one machine; `make bench` "
        "measures with care.",
        style="dim",
    )


def dead_letters_since(kafka: str, starts: Mapping[int, int]) -> Counter[str]:
    """Reason -> events that have a dead letter from these offsets on.

    A worker that was killed between sending letters and noting it sends them again: an event counts once.
    """
    reasons: dict[tuple[bytes, bytes], str] = {}

    def note(message: object) -> None:
        headers = dict(message.headers() or ())  # type: ignore[attr-defined]
        reasons[headers["partition"], headers["offset"]] = headers[REASON].decode()

    read_between(kafka, DEAD_LETTERS.name, starts, note)
    return Counter(reasons.values())


def show_checks(console: Console, checks: Checks) -> None:
    console.rule("[bold]Checks", align="left")
    for check in checks.made:
        mark = "[green]✓[/]" if check.ok else "[bold red]✗[/]"
        detail = (
            f" [dim]{escape(check.detail)}[/]"
            if check.detail and (not check.ok or len(check.detail) < 60)
            else ""
        )
        console.print(f"  {mark} {escape(check.claim)}{detail}", highlight=False, soft_wrap=True)


def show_next(console: Console, system: RunningSystem, *, serving: bool) -> None:
    console.rule("[bold]Where to look next", align="left")
    if serving:
        show_how_to_ask(console, system)
    else:
        console.print("  On a terminal `spendlog demo` keeps serving the API until Ctrl-C.", highlight=False)
    console.print(f"  logs {system.logs}", soft_wrap=True, markup=False, highlight=False)


# Pasted as they are, by people and by tests/docs/test_first_steps.py.
_ASK = """\
. {env}
curl -sS "$SPENDLOG_API_URL/v1/authorizations" -H "Authorization: Bearer $SPENDLOG_API_KEY" \\
  -H 'Idempotency-Key: try-1' -H 'Prefer: wait=2' -H 'Content-Type: application/json' \\
  -d '{{"department_id":"engineering","card_id":"card_me","amount":{{"minor":4200,"currency":"USD"}},
       "merchant":{{"name":"Blue Bottle Coffee"}}}}'
spendlog show budgets {organization}/engineering
psql "$SPENDLOG_POSTGRES" -c 'TABLE trial_balance'    # where psql is installed
"""


def how_to_ask(system: RunningSystem) -> str:
    """Commands for another terminal."""
    return _ASK.format(env=shlex.quote(str(system.data_dir / "env")), organization=system.organization)


def show_how_to_ask(console: Console, system: RunningSystem) -> None:
    console.print(f"API {system.api}, its reference {system.api}/docs", soft_wrap=True, highlight=False)
    console.print("In another terminal:\n")
    # One line of output for each line to paste, however narrow the terminal is.
    console.print(how_to_ask(system), soft_wrap=True, markup=False, highlight=False)
