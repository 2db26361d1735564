"""Every operation, made from its description, as everybody: no defect, and no answer that is not described.

Schemathesis makes requests of the running OpenAPI document, good ones and bad ones; what comes back must be
what the same document says. `make test` asks a little of each operation, `make test-faults` much.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from schemathesis import GenerationMode

from api.access.keys import EVERYDAY_SCOPES, KEY_SCOPES, Scope, create_key
from api.access.roles import Role
from tests.api.books import Books, usd
from tests.api.fuzz import Caller, asked, chained, operations
from tests.api.people import member, sign_in
from tests.api.support import serving, wait_ready

# The server is a thread of this process, and what it does with `random` is taken for the strategies'.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

ORGANIZATION = "org-fuzz"
PLACES = {"organization_id": ORGANIZATION, "department_id": "engineering"}
READS = [scope for scope in KEY_SCOPES if scope.endswith(":read")]
KEYS: dict[str, list[Scope]] = {"all": [*KEY_SCOPES], "everyday": [*EVERYDAY_SCOPES], "reads": READS}
#: Nobody, a key of each set of scopes, a person of each role.
NAMES = ["nobody", *KEYS, *(role.value for role in Role)]


@pytest.fixture(scope="module")
def base_url(books: Books) -> Iterator[str]:
    """An API of an organization in test mode, with a department, a card and a purchase."""
    mine = books.settings.model_copy(update={"api_test_organizations": frozenset({ORGANIZATION})})
    with serving(mine) as url:
        wait_ready(url)
        with books.person(ORGANIZATION) as company:
            company.start()
            company.done("card.set", card={"card_id": "card_ada", "employee": "ada", "last_four": "4242"})
            company.done(
                "authorization.requested",
                authorization_id="auth_7f3a",
                card_id="card_ada",
                amount=usd(4_250),
                merchant={"name": "Blue Bottle Coffee", "mcc": "5814", "country": "US"},
            )
        yield url


@pytest.fixture(scope="module")
def callers(books: Books, base_url: str) -> Iterator[list[Caller]]:
    """A key of each set of scopes, a person of each role, and nobody."""
    found = [Caller("nobody", {})]
    postgres = books.settings.postgres
    for name, scopes in KEYS.items():
        secret, _ = create_key(postgres, organization_id=ORGANIZATION, name=name, scopes=scopes)
        found.append(Caller(name, {"Authorization": f"Bearer {secret}"}))
    with ExitStack() as signed:
        for role in Role:
            departments = ("engineering",) if role is Role.FINANCE_MANAGER else ()
            email = member(postgres, ORGANIZATION, role, departments=departments)
            client = signed.enter_context(sign_in(base_url, email))
            found.append(Caller(role.value, {"Cookie": client.headers["Cookie"]}))
        yield found


@pytest.fixture(scope="module")
def described(base_url: str) -> list[Any]:
    return operations(base_url)


def faults(described: list[Any], callers: list[Caller], *, requests_max: int, number: int) -> list[str]:
    """Of all operations, good requests and bad ones; kinds of faults, each with its first example."""
    found: dict[str, str] = {}
    for operation in described:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.POSITIVE or operation.body or operation.query or operation.headers:
                found |= asked(operation, callers, mode, PLACES, requests_max=requests_max, number=number)
    return [f"{kind}\n  {words}" for kind, words in found.items()]


def test_whatever_is_sent_the_answer_is_described(described: list[Any], callers: list[Caller]) -> None:
    found = faults(described, callers, requests_max=3, number=1)
    assert found == [], "\n".join(found)


@pytest.mark.faults
@pytest.mark.timeout(0)  # so many requests, however slow the machine; each has its own bound
@pytest.mark.parametrize("name", NAMES)
def test_whatever_each_of_them_sends(described: list[Any], callers: list[Caller], name: str) -> None:
    """All operations, good requests and bad ones, by one alone: deeper than by all of them mixed."""
    found = faults(described, [one for one in callers if one.name == name], requests_max=12, number=100)
    assert found == [], "\n".join(found)


def test_what_follows_from_an_answer_is_described(base_url: str, callers: list[Caller]) -> None:
    """A few chains of operations with all scopes."""
    (all_scopes,) = [caller for caller in callers if caller.name == "all"]
    found, followed = chained(base_url, all_scopes, PLACES, chains_max=4, number=1)
    assert found == {}, "\n".join(f"{kind}\n  {words}" for kind, words in found.items())
    assert sum(followed.values()) >= 8, followed


@pytest.mark.faults
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_follows_from_an_answer_for_each_of_them(
    base_url: str, callers: list[Caller], name: str
) -> None:
    number, caller = next((number, one) for number, one in enumerate(callers) if one.name == name)
    found, followed = chained(base_url, caller, PLACES, chains_max=60, number=number)
    assert found == {}, "\n".join(f"{kind}\n  {words}" for kind, words in found.items())
    # Chains lead to what was made before: without them nothing but 404 is seen of these.
    reached = {label for label in followed if label.endswith("2xx")}
    assert name != "all" or len(reached) >= 30, sorted(reached)
