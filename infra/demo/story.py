"""The TechCorp story over real HTTP: budgets, an approval, a decline, a repeat, a conflict, a look-up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from rich.console import Console
from rich.text import Text

from infra.demo.checks import Checks

BOBS_SENTENCE: Final = (
    "Department 'Engineering' budget exceeded. Limit: $50,000, Current: $6,000, Requested: $48,000"
)
_TIMEOUT_S: Final = 10.0
_WAIT: Final = {"Prefer": "wait=2"}
# 202, and 409 to a repeat, say: not decided yet, ask again with the same key. At the start of a busy machine
# it may happen; no other 409 can come here, for no request names its authorization.
_UNDECIDED: Final = (requests.codes.accepted, requests.codes.conflict)
_ASKED_AGAIN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class StoryPurchase:
    """One request for an authorization. `dollars`: whole US dollars."""

    who: str
    dollars: int
    merchant: str
    mcc: str

    def body(self) -> dict[str, Any]:
        return {
            "department_id": "engineering",
            "card_id": f"card_{self.who.partition('@')[0]}",
            "cardholder": self.who,
            "amount": {"minor": self.dollars * 100, "currency": "USD"},
            "merchant": {"name": self.merchant, "mcc": self.mcc, "country": "US"},
        }


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


class Client:
    """The REST API as a processor's program would call it."""

    def __init__(self, api: str, key: str, organization: str) -> None:
        self._api = api
        self._organization = organization
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def set_budget(self, department: str, name: str, dollars: int) -> requests.Response:
        path = f"/v1/organizations/{self._organization}/departments/{department}/budget"
        body = {"name": name, "limit": {"minor": dollars * 100, "currency": "USD"}}
        return self._decided("PUT", path, body, f"budget-{uuid.uuid4()}")

    def set_policy(self, department: str, policy: Mapping[str, Any]) -> requests.Response:
        body = {
            "type": "policy.drafted",
            "department_id": department,
            "policy": policy,
            "activate": True,
        }
        return self._decided("POST", "/v1/events", body, f"policy-{uuid.uuid4()}")

    def authorize(self, purchase: StoryPurchase, key: str) -> requests.Response:
        return self._decided("POST", "/v1/authorizations", purchase.body(), key)

    def look_up(self, authorization_id: str, position: str) -> requests.Response:
        headers = {"Spendlog-Position": position, **_WAIT}
        return self._call("GET", f"/v1/authorizations/{authorization_id}", headers=headers)

    def _decided(self, method: str, path: str, body: Mapping[str, Any], key: str) -> requests.Response:
        for _ in range(_ASKED_AGAIN_MAX):
            answer = self._call(method, path, json=body, headers={"Idempotency-Key": key, **_WAIT})
            if answer.status_code not in _UNDECIDED:
                break
        return answer

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self._session.request(method, self._api + path, timeout=_TIMEOUT_S, **more)

    def close(self) -> None:
        self._session.close()


def tell(client: Client, console: Console, checks: Checks) -> None:
    """Plays it and prints each turn; what is not as it must be becomes a failed check."""
    console.rule("[bold]TechCorp, over HTTP", align="left")
    for department, name, dollars in (("engineering", "Engineering", 50_000), ("sales", "Sales", 25_000)):
        answer = client.set_budget(department, name, dollars)
        _say(console, f"{name} may spend ${dollars:,}.00 a month", answer)
        checks.expect(f"the budget of {name} is set", answer.status_code == requests.codes.ok, answer.text)
    answer = client.set_policy("engineering", POLICY)
    _say(console, "Engineering's policy: single amounts up to $50,000.00, four merchants blocked", answer)
    checks.expect("the policy is in force", answer.status_code == requests.codes.ok, answer.text)
    key = f"alice-{uuid.uuid4()}"
    first = client.authorize(ALICE, key)
    _say(console, f"{ALICE.who} asks for ${ALICE.dollars:,}.00 at {ALICE.merchant}", first)
    checks.expect("Alice's $6,000.00 are approved", _member(first, "outcome") == "approved", first.text)
    bobs = client.authorize(BOB, f"bob-{uuid.uuid4()}")
    _say(console, f"{BOB.who} asks for ${BOB.dollars:,}.00 at {BOB.merchant}", bobs)
    told = [reason["message"] for reason in _member(bobs, "reasons") or ()]
    ok = _member(bobs, "outcome") == "declined" and told == [BOBS_SENTENCE]
    checks.expect("Bob's $48,000.00 are declined with the exact numbers", ok, bobs.text)
    _retries(client, console, checks, first, key)


def _retries(client: Client, console: Console, checks: Checks, first: requests.Response, key: str) -> None:
    again = client.authorize(ALICE, key)
    marked = again.headers.get("Idempotency-Replayed") == "true"
    _say(
        console,
        "Alice's request again, same Idempotency-Key",
        again,
        "replayed, nothing moved" if marked else "",
    )
    checks.expect(
        "a repeat gets the same answer and the replay marker", again.content == first.content and marked
    )
    other = client.authorize(StoryPurchase(ALICE.who, 6_100, ALICE.merchant, ALICE.mcc), key)
    _say(console, "the same key for $6,100.00", other)
    refused = other.status_code == requests.codes.unprocessable_entity
    checks.expect("the same key for another request is refused with 422", refused, other.text)
    found = client.look_up(_member(first, "authorization_id") or "?", _member(first, "position") or "0:0")
    _say(console, "Alice's payment, looked up", found)
    checks.expect("Alice's payment can be looked up", _member(found, "status") == "approved", found.text)


def _member(answer: requests.Response, name: str) -> Any:
    try:
        return answer.json().get(name)
    except ValueError:
        return None


def _say(console: Console, turn: str, answer: requests.Response, more: str = "") -> None:
    """One turn of the story: what was asked, the status, what was answered."""
    outcome = _member(answer, "outcome") or _member(answer, "status") or _member(answer, "code") or ""
    if isinstance(outcome, int):  # a problem's status is its HTTP status
        outcome = _member(answer, "code") or ""
    good = answer.ok and outcome != "declined"
    words = f"{outcome} {'(' + more + ')' if more else ''}".strip() or ("in force" if answer.ok else "")
    line = Text(f"  {turn}\n    → {answer.status_code} ")
    line.append(words, style="green" if good else "yellow")
    if position := _member(answer, "position"):
        line.append(f"  log position {position}", style="dim")
    console.print(line)
    for reason in _member(answer, "reasons") or ():
        # Never wrapped: it is a sentence that programs may look for.
        console.print(f"      {reason['message']}", soft_wrap=True, markup=False, highlight=False)
