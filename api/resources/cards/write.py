"""Register cards, change, freeze, unfreeze and cancel them: each an event, answered by its decision.

An ETag is compared twice: with the books, and with what other writers of this API have seen and changed. A
producer to Kafka asks neither; what he sends is one more change.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter
from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StrictStr
from starlette.responses import Response

from api.access.keys import Scope
from api.access.security import KeyedRoute, needs
from api.asking.submit import Answered, Pending
from api.http.conditions import ETAG, IfMatch, tagged
from api.http.paths import segment
from api.http.preferences import MEMBERS_ONCE, IdempotencyKey, WithIdempotencyKey
from api.http.problems import Problem, responses
from api.http.types import DepartmentName, Input, Text
from api.resources.cards.answer import CardOut, card_out
from api.resources.cards.read import CARDS, CardId, WhichDepartment, find_card, unknown_card
from api.resources.organization_paths import OfOrganization, ReadingAll, invalid
from api.resources.replies import decided_headers, reply
from api.resources.sending import Seen, first_decision, pending, submit_seen, write_responses
from schemas.card_numbers import no_card_number
from schemas.controls import Card
from schemas.effects import CardChanged
from schemas.entrance import plain
from schemas.events import CardCanceled, CardFrozen, CardSet, CardUnfrozen
from schemas.ids import is_name

router = APIRouter(prefix=CARDS, tags=["cards"], route_class=KeyedRoute)

CardEvents = CardSet | CardFrozen | CardUnfrozen | CardCanceled

_IdText = Annotated[
    StrictStr,
    Field(min_length=1, max_length=128, description="the processor's token, never a number"),
    AfterValidator(plain),
    AfterValidator(no_card_number),
]


class CardTermsIn(Input):
    """How a card shall be from now on; its status and what it was used for stay."""

    model_config = ConfigDict(title="CardTerms")

    department_id: DepartmentName
    last_four: StrictStr | None = Field(
        default=None, pattern="^[0-9]{4}$", description="last digits of its number", examples=["4242"]
    )
    employee: Text | None = Field(default=None, max_length=200, examples=["Ada Lovelace"])
    team: DepartmentName | None = Field(default=None, examples=["platform"])
    expires_on: date | None = Field(
        default=None, description="last day on which it is valid", examples=["2028-12-31"]
    )
    single_use: StrictBool = Field(default=False, description="one approval, then it is used up")
    locked_to: Text | None = Field(
        default=None, max_length=200, description="the only merchant, by name or id", examples=[None]
    )
    lock_to_first: StrictBool = Field(
        default=False, description="the first merchant that is approved becomes the only one"
    )


class NewCardIn(CardTermsIn):
    """A card to be registered."""

    model_config = ConfigDict(title="NewCard")

    card_id: _IdText | None = Field(
        default=None,
        description="the processor's token, never a number; derived from the Idempotency-Key, if absent",
        examples=["card_ada"],
    )


@router.post(
    "",
    status_code=201,
    summary="Register a card",
    response_model=CardOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.CARDS_WRITE),
    responses=write_responses(201, "Registered; it may pay from its position on.", **ETAG),
)
async def create_card(body: NewCardIn, reading: ReadingAll, key: WithIdempotencyKey) -> Response:
    """Registers a card. `409 card_exists`: there is one with this id, to be changed by PUT."""
    caller = reading.caller
    card_id = body.card_id or f"card_{key.digest(caller.organization_id)}"
    event = _card_set(body, card_id, reading, key)
    return await _written(reading, event, Seen(None, _exists(card_id)), status=201)


@router.put(
    "/{card_id}",
    summary="Change a card",
    response_model=CardOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.CARDS_WRITE),
    responses=write_responses(200, "As it is from its position on.", **ETAG) | responses(412),
)
async def change_card(
    body: CardTermsIn,
    reading: ReadingAll,
    key: WithIdempotencyKey,
    card_id: CardId,
    if_match: IfMatch = None,
) -> Response:
    """Holder, team, validity, merchant lock: all of it as the body has it; what is not in it is no more.

    With `If-Match` only if nobody changed it since. A card that is not registered is registered.
    """
    _require_id(card_id)
    event = _card_set(body, card_id, reading, key)
    return await _written(reading, event, None if if_match is None else Seen(if_match))


def _act(name: str, kind: type[CardFrozen | CardUnfrozen | CardCanceled], summary: str, words: str) -> None:
    """A route of its own for each thing that is done to a card as it is."""

    async def do(
        reading: ReadingAll,
        key: WithIdempotencyKey,
        card_id: CardId,
        department_id: WhichDepartment = None,
        if_match: IfMatch = None,
    ) -> Response:
        if department_id is None:
            department_id = (await find_card(reading, card_id, None)).department_id
        elif not is_name(department_id):
            raise unknown_card(card_id)
        event = kind(
            event_id=key.event_id(reading.caller.organization_id),
            organization_id=reading.caller.organization_id,
            department_id=department_id,
            occurred_at=datetime.now(UTC),
            actor=reading.caller.actor,
            card_id=card_id,
        )
        return await _written(reading, event, None if if_match is None else Seen(if_match))

    router.add_api_route(
        f"/{{card_id}}/{name}",
        do,
        methods=["POST"],
        name=f"{name}_card",
        summary=summary,
        description=words,
        response_model=CardOut,
        openapi_extra=needs(Scope.CARDS_WRITE),
        responses=write_responses(200, "As it is from its position on.", **ETAG) | responses(412),
    )


_act(
    "freeze",
    CardFrozen,
    "Freeze a card",
    "Declines all its requests until it is unfrozen. `422 wrong_status`: it is not active.",
)
_act("unfreeze", CardUnfrozen, "Unfreeze a card", "A frozen card is active again.")
_act("cancel", CardCanceled, "Cancel a card", "For ever: a canceled card cannot be used or changed any more.")


def _require_id(card_id: str) -> None:
    try:
        no_card_number(plain(card_id))
    except ValueError as error:
        raise invalid("path.card_id", "value_error", str(error)) from None


def _card_set(body: CardTermsIn, card_id: str, reading: OfOrganization, key: IdempotencyKey) -> CardSet:
    organization_id = reading.caller.organization_id
    return CardSet(
        event_id=key.event_id(organization_id),
        organization_id=organization_id,
        department_id=body.department_id,
        occurred_at=datetime.now(UTC),
        actor=reading.caller.actor,
        card=Card(
            card_id=card_id,
            last_four=body.last_four,
            employee=body.employee,
            team=body.team,
            expires_on=body.expires_on,
            single_use=body.single_use,
            locked_to=body.locked_to,
            lock_to_first=body.lock_to_first,
        ),
    )


def _exists(card_id: str) -> Problem:
    return Problem(
        409, "card_exists", f"There is a card {card_id[:80]!r} in this department; change it with PUT."
    )


async def _written(
    reading: OfOrganization, event: CardEvents, seen: Seen | None, status: int = 200
) -> Response:
    """The card after `event`. `seen`: what the caller takes it to be before."""
    card_id = event.card.card_id if isinstance(event, CardSet) else event.card_id
    services = reading.services

    async def now() -> str | None:
        try:
            return (await find_card(reading, card_id, event.department_id)).position
        except Problem as problem:
            if problem.status_code == 404:
                return None
            raise

    what = f"card {event.key} {card_id}"
    result = await submit_seen(services, event, reading.wait, seen, now, what, since=reading.since)
    path = f"{CARDS}/{segment(card_id)}?{urlencode({'department_id': event.department_id})}"
    if isinstance(result, Pending):
        return pending(event, result, reading.wait, location=path)
    body = await _after(reading, event, card_id, result)
    headers = decided_headers(reading.wait, replayed=result.replayed, position=result.decision.position)
    if status == 201:
        headers["Location"] = path
    return reply(body, status, **headers, **tagged(body.position))


async def _after(reading: OfOrganization, event: CardEvents, card_id: str, answer: Answered) -> CardOut:
    decision = await first_decision(reading.services, answer, since=reading.since)
    effects: tuple[Any, ...] = () if decision is None else decision.effects
    for effect in effects:
        if isinstance(effect, CardChanged):
            return card_out(event.organization_id, event.department_id, effect.card, answer.first)
    # A repeat whose first decision the ledger does not have yet: as the card stands there, or 503.
    return await find_card(reading, card_id, event.department_id)
