"""Events without a verb of their own: `card.replaced card_id=card-1 new_card_id=card-2 => accepted`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from infra.stories import values
from infra.stories.story import Line, Said
from infra.stories.tokens import Word, WordReader
from schemas.event import Event
from schemas.events import EVENT_TYPES, CardEvent

#: The `type` of an event is a verb, whose members are given by their names.
BY_TYPE: Final[Mapping[str, type[Event]]] = {str(cls.__struct_config__.tag): cls for cls in EVENT_TYPES}


def read_member(reader: WordReader, word: Word, verb: str, said: Said) -> None:
    """`NAME=VALUE`: an amount (`amount="USD 5.00"`), JSON, or a text; in quotes it is never JSON."""
    name, _, value = word.raw.partition("=")
    names = sorted(set(BY_TYPE[verb].__struct_fields__) - set(Event.__struct_fields__))
    if name not in names:
        reader.fail(word, f"a member of {verb}, such as {names[0]}=...", [f"{known}=" for known in names])
    said.members[name] = _value(value)


def _value(raw: str) -> Any:
    quoted = len(raw) > 1 and raw[0] == raw[-1] == '"'
    text = raw[1:-1] if quoted else raw
    currency, _, amount = text.partition(" ")
    if values.is_currency(currency) and values.is_number(amount):
        minor = values.minor(Decimal(amount.replace(",", "")), currency)
        return {"minor": minor, "currency": currency}
    if not quoted:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            pass
    return text


def event_by_type(line: Line, given: Mapping[str, Any]) -> Event:
    """Raises StoryError for what the type cannot be."""
    try:
        event: Event = msgspec.convert({"type": line.verb, **given, **line.said.members}, CardEvent)
    except msgspec.ValidationError as error:
        raise line.place.error(1, f"no {line.verb}: {error}") from None
    return event
