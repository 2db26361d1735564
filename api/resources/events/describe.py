"""The OpenAPI description of the events that may be sent, made from their types."""

from __future__ import annotations

from functools import cache
from inspect import cleandoc
from typing import Any

import msgspec

from api.access.security import SCOPE_MEMBER, required_scope
from api.resources.events.examples import EXAMPLES
from api.resources.events.read import GIVEN
from api.resources.events.scopes import SCOPES, scopes_of, tag_of
from schemas.administration import TREASURY, CapSet
from schemas.event import Event
from schemas.ids import NAME_PATTERN

# Pydantic's models have names of their own, some of them the same (Merchant, Card).
_PREFIX = "event."
_REFERENCE = f"#/components/schemas/{_PREFIX}"


def request_body() -> dict[str, Any]:
    """OpenAPI's `requestBody`: one of the types, told by `type`, with an example of each."""
    schema = {
        "oneOf": [{"$ref": _REFERENCE + event.__name__} for event in SCOPES],
        "discriminator": {
            "propertyName": "type",
            "mapping": {tag_of(event): _REFERENCE + event.__name__ for event in SCOPES},
        },
    }
    examples = {
        tag_of(event): {"summary": _first_line(event), "value": EXAMPLES[tag_of(event)]} for event in SCOPES
    }
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


def reference_to(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The schema of a struct that events are made of, by reference to `components`."""
    return {"$ref": _REFERENCE + struct.__name__}


@cache
def components() -> dict[str, dict[str, Any]]:
    """OpenAPI's `components.schemas` of all that `request_body` names."""
    _, schemas = msgspec.json.schema_components(tuple(SCOPES), ref_template=_REFERENCE + "{name}")
    for event in SCOPES:
        schemas[event.__name__] = _as_sent(schemas[event.__name__], event)
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
    return {_PREFIX + name: schema for name, schema in schemas.items()}


def _as_sent(schema: dict[str, Any], event: type[Event]) -> dict[str, Any]:
    """Without the members that the API gives; who may send it; nothing else may be in it."""
    members = {name: member for name, member in schema["properties"].items() if name not in GIVEN}
    members["occurred_at"] = {**members["occurred_at"], "description": "when it happened; now, if absent"}
    optional = {"occurred_at"}
    if event is CapSet:
        members["department_id"] = {"const": TREASURY, "default": TREASURY}
        optional.add("department_id")
    else:
        members["department_id"] = {**members["department_id"], "pattern": NAME_PATTERN}
    return {
        **schema,
        "title": tag_of(event),
        "properties": members,
        "required": [name for name in schema["required"] if name in members and name not in optional],
        "additionalProperties": False,
        SCOPE_MEMBER: required_scope(*scopes_of(event)),
    }


def _first_line(event: type[Event]) -> str:
    return (event.__doc__ or "").strip().partition("\n")[0]
