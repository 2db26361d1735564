"""`spendlog split ORGANIZATION/DEPARTMENT --shards N`: cards of a department into shards, over the API.

Every step is an event whose id follows from the department and what it is about, so the same call again
completes what is missing and changes nothing else. docs/decisions/0046.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from api.client import Client, Invalid, ServiceUnavailable, Undecided
from api.client.generated.shared import Budget
from infra.errors import SpendlogError
from infra.output import AsJson, TextTable, print_json
from infra.rest import connected
from schemas.reasons import DEPARTMENT, ReasonCode

app = typer.Typer()

AGAIN_S = 0.2
# One try waits for 2 s, and its answer has to come.
TRY_S = 3.0
PAGE = 1000  # as many as the API gives on a page
SHARDS_MAX = 200


@app.command()
def split(
    department: Annotated[str, typer.Argument(metavar="ORGANIZATION/DEPARTMENT", show_default=False)],
    shards: Annotated[
        int, typer.Option(min=1, max=SHARDS_MAX, help="How many; more than before, to add some.")
    ],
    cards: Annotated[
        bool, typer.Option("--cards", help="Also move its active registered cards, each person's together.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for each answer.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Split a department that outgrows its partition into shards, which share its budget exactly.

    The same call again completes one that was stopped. SPENDLOG_API_URL and SPENDLOG_API_KEY name the API and
    your key.
    """
    organization, slash, name = department.partition("/")
    if not slash or not organization or not name:
        raise SpendlogError(f"{department!r} is no department; write ORGANIZATION/DEPARTMENT")
    with connected() as api:
        splitting = _Split(api, organization, name, shards, timeout)
        splitting.lend()
        moved = splitting.move_cards() if cards else {}
        left = splitting.left_behind()
    found = {"department_id": name, "shards": splitting.shards, "cards": moved, "left": left}
    if as_json:
        print_json(found)
    else:
        _show(found)


def shard_of(person: str, shards: int) -> int:
    """The number of the shard, from 1: by the hash of whose card it is, so that it is the same each time."""
    digest = hashlib.sha256(person.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % shards


@dataclass(frozen=True)
class _Split:
    api: Client
    organization: str
    department: str
    count: int
    timeout_s: float

    @property
    def shards(self) -> list[str]:
        return [f"{self.department}-{number}" for number in range(1, self.count + 1)]

    def lend(self) -> None:
        """The budget is lent, and each shard is a department with the same budget and policy."""
        own = next(one for one in self._budgets() if one.budget_id == DEPARTMENT)
        policy = self._policy()
        self._send(f"shards-{self.count}", {"type": "department.split", "shards": self.shards})
        for shard in self.shards:
            self._until_lent(shard, own)
            drafted = {"type": "policy.drafted", "policy": policy, "activate": True}
            self._send(f"{shard}-policy", drafted, shard)

    def move_cards(self) -> dict[str, str]:
        """Card -> shard. Set there first, then frozen here: at no time is a card nowhere."""
        moved: dict[str, str] = {}
        for card in self.api.cards.list_of_department(self.organization, self.department, limit=PAGE):
            if card.status != "active":
                continue
            card_id = card.card_id
            shard = self.shards[shard_of(card.employee or card_id, self.count) - 1]
            terms = {name: getattr(card, name) for name in _CARD}
            there = {name: term for name, term in terms.items() if term} | {"card_id": card_id}
            self._send(f"{shard}-card-{card_id}", {"type": "card.set", "card": there}, shard)
            self._send(f"{shard}-gone-{card_id}", {"type": "card.frozen", "card_id": card_id})
            moved[card_id] = shard
        return moved

    def left_behind(self) -> list[str]:
        """What of the department the shards do not have, in words."""
        budgets = [one.budget_id for one in self._budgets() if one.level != DEPARTMENT]
        rules = [
            rule["rule_id"]
            for rule in self._policy().get("rules", ())
            if rule["rule"] == "spend_limit" and rule.get("per", "card") in ("department", "team")
        ]
        left = []
        if budgets:
            left.append(f"budgets that stay with {self.department}: {', '.join(budgets)}")
        if rules:
            left.append(f"limits that each shard counts for itself: {', '.join(rules)}")
        return left

    # -- parts

    def _until_lent(self, shard: str, own: Budget) -> None:
        """Sets the shard's budget, which is refused until its first lease has come."""
        calendar = own.calendar
        body = {
            "type": "budget.set",
            "name": own.name,
            "limit": own.limit,
            "shard_of": self.department,
            "period": calendar.period,
            "time_zone": calendar.time_zone,
            "start_day": calendar.start_day,
            "start_month": calendar.start_month,
        }
        deadline = time.monotonic() + self.timeout_s
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._send(f"{shard}-budget-{own.limit.minor}-{attempt}", body, shard)
            except Invalid as problem:
                if problem.code != ReasonCode.NO_CAP.value or time.monotonic() > deadline:
                    raise
            time.sleep(AGAIN_S)

    def _send(self, what: str, body: dict[str, Any], department: str | None = None) -> None:
        """Until it is decided. Raises SpendlogError: refused, or not within the timeout."""
        event = {"department_id": department or self.department, **body}
        key = hashlib.sha256(f"split/{self.organization}/{self.department}/{what}".encode()).hexdigest()[:40]
        try:
            self.api.within(max(self.timeout_s, TRY_S)).events.send(event, idempotency_key=f"split-{key}")
        except (Undecided, ServiceUnavailable):
            raise SpendlogError(
                f"{body['type']} for {event['department_id']} is not decided after {self.timeout_s:g} s; "
                "the same call again goes on"
            ) from None

    def _budgets(self) -> list[Budget]:
        return self.api.budgets.list(self.organization, self.department).budgets

    def _policy(self) -> dict[str, Any]:
        return self.api.policies.read(self.organization, self.department).policy


_CARD = ("employee", "team", "expires_on", "single_use", "locked_to", "lock_to_first", "last_four")


def _show(found: Mapping[str, Any]) -> None:
    table = TextTable("shard", "cards moved")
    for shard in found["shards"]:
        table.add(shard, f"{sum(1 for one in found['cards'].values() if one == shard):,}")
    table.print()
    for line in found["left"]:
        typer.echo(line)
    typer.echo(
        f"{found['department_id']} lends its budget to them; send requests of moved cards to their shard."
    )
