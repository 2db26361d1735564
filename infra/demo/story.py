"""The TechCorp story over real HTTP: budgets, an approval, a decline, a repeat, a conflict, a look-up."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from api.client import ApiAnswer, Client, Merchant, Money, ProblemError
from infra.demo.checks import Checks

UNPROCESSABLE: Final = 422
BOBS_SENTENCE: Final = (
    "Department 'Engineering' budget exceeded. Limit: $50,000, Current: $6,000, Requested: $48,000"
)


@dataclass(frozen=True, slots=True)
class StoryPurchase:
    """One request for an authorization. `dollars`: whole US dollars."""

    who: str
    dollars: int
    merchant: str
    mcc: str


ALICE: Final = StoryPurchase("alice@techcorp.com", 6_000, "Dell Technologies", "5045")
BOB: Final = StoryPurchase("bob@techcorp.com", 48_000, "Supermicro", "5045")


# The rules that hold until a company sets its own would stop Alice: 5,000.00 is the most in one payment.
POLICY: Final[Mapping[str, Any]] = {
    "rules": [
        {
            "rule": "block",
            "rule_id": "blacklist",
            "fraud": True,
            "what": {
                "merchants": [
                    "SUSPICIOUS_VENDOR_1",
                    "BLACKLISTED_MERCHANT",
                    "FRAUD_CORP",
                    "SCAM_ENTERPRISES",
                ]
            },
        },
        {
            "rule": "spend_limit",
            "rule_id": "large-amount",
            "window": "transaction",
            "amount": 5_000_000,
            "fraud": True,
        },
    ]
}


@dataclass(frozen=True, slots=True)
class StoryAnswer:
    """What the API said to one turn: an answer or a problem."""

    status: int
    body: Mapping[str, Any]
    content: bytes = b""
    replayed: bool = False

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def words(self) -> str:
        return f"{self.status} {dict(self.body)}"


class StoryCaller:
    """Asks as a processor's program would. What is not decided is asked again until the client's deadline."""

    def __init__(self, client: Client, organization: str) -> None:
        self._client = client
        self._organization = organization

    def set_budget(self, department: str, name: str, dollars: int) -> StoryAnswer:
        limit = Money(dollars * 100, "USD")
        return _said(
            lambda: self._client.budgets.set.answer(self._organization, department, name=name, limit=limit)
        )

    def set_policy(self, department: str, policy: Mapping[str, Any]) -> StoryAnswer:
        drafted = {"type": "policy.drafted", "department_id": department, "policy": policy, "activate": True}
        return _said(lambda: self._client.events.send.answer(drafted))

    def authorize(self, purchase: StoryPurchase, key: str) -> StoryAnswer:
        return _said(
            lambda: self._client.authorizations.request.answer(
                department_id="engineering",
                card_id=f"card_{purchase.who.partition('@')[0]}",
                cardholder=purchase.who,
                amount=Money(purchase.dollars * 100, "USD"),
                merchant=Merchant(name=purchase.merchant, mcc=purchase.mcc, country="US"),
                idempotency_key=key,
            )
        )

    def look_up(self, authorization_id: str, position: str) -> StoryAnswer:
        return _said(
            lambda: self._client.authorizations.read.answer(authorization_id, position=position, wait=2)
        )


def _said(ask: Callable[[], ApiAnswer[Any]]) -> StoryAnswer:
    """Raises ClientError where nobody answers."""
    try:
        answer = ask()
    except ProblemError as problem:
        return StoryAnswer(problem.status, problem.members)
    return StoryAnswer(answer.status, answer.json(), answer.content, answer.replayed)


def tell(caller: StoryCaller, console: Console, checks: Checks) -> None:
    """Plays it and prints each turn; what is not as it must be becomes a failed check."""
    console.rule("[bold]TechCorp, over HTTP", align="left")
    for department, name, dollars in (("engineering", "Engineering", 50_000), ("sales", "Sales", 25_000)):
        answer = caller.set_budget(department, name, dollars)
        _say(console, f"{name} may spend ${dollars:,}.00 a month", answer)
        checks.expect(f"the budget of {name} is set", answer.ok, answer.words)
    answer = caller.set_policy("engineering", POLICY)
    _say(console, "Engineering's policy: single amounts up to $50,000.00, four merchants blocked", answer)
    checks.expect("the policy is in force", answer.ok, answer.words)
    key = f"alice-{uuid.uuid4()}"
    first = caller.authorize(ALICE, key)
    _say(console, f"{ALICE.who} asks for ${ALICE.dollars:,}.00 at {ALICE.merchant}", first)
    checks.expect("Alice's $6,000.00 are approved", first.body.get("outcome") == "approved", first.words)
    bobs = caller.authorize(BOB, f"bob-{uuid.uuid4()}")
    _say(console, f"{BOB.who} asks for ${BOB.dollars:,}.00 at {BOB.merchant}", bobs)
    told = [reason["message"] for reason in bobs.body.get("reasons") or ()]
    ok = bobs.body.get("outcome") == "declined" and told == [BOBS_SENTENCE]
    checks.expect("Bob's $48,000.00 are declined with the exact numbers", ok, bobs.words)
    _retries(caller, console, checks, first, key)


def _retries(caller: StoryCaller, console: Console, checks: Checks, first: StoryAnswer, key: str) -> None:
    again = caller.authorize(ALICE, key)
    _say(
        console,
        "Alice's request again, same Idempotency-Key",
        again,
        "replayed, nothing moved" if again.replayed else "",
    )
    checks.expect(
        "a repeat gets the same answer and the replay marker",
        again.content == first.content and again.replayed,
    )
    other = caller.authorize(StoryPurchase(ALICE.who, 6_100, ALICE.merchant, ALICE.mcc), key)
    _say(console, "the same key for $6,100.00", other)
    refused = other.status == UNPROCESSABLE
    checks.expect("the same key for another request is refused with 422", refused, other.words)
    found = caller.look_up(first.body.get("authorization_id") or "?", first.body.get("position") or "0:0")
    _say(console, "Alice's payment, looked up", found)
    checks.expect("Alice's payment can be looked up", found.body.get("status") == "approved", found.words)


def _say(console: Console, turn: str, answer: StoryAnswer, more: str = "") -> None:
    """One turn of the story: what was asked, the status, what was answered."""
    outcome = answer.body.get("outcome") or answer.body.get("status") or answer.body.get("code") or ""
    if isinstance(outcome, int):  # a problem's status is its HTTP status
        outcome = answer.body.get("code") or ""
    good = answer.ok and outcome != "declined"
    words = f"{outcome} {'(' + more + ')' if more else ''}".strip() or ("in force" if answer.ok else "")
    line = Text(f"  {turn}\n    → {answer.status} ")
    line.append(words, style="green" if good else "yellow")
    if position := answer.body.get("position"):
        line.append(f"  log position {position}", style="dim")
    console.print(line)
    for reason in answer.body.get("reasons") or ():
        # Never wrapped: it is a sentence that programs may look for.
        console.print(f"      {reason['message']}", soft_wrap=True, markup=False, highlight=False)
