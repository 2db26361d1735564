"""The AsyncAPI 3 description of the topics, made from their registry and the types of what crosses them."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Final

import msgspec

from schemas.administration import TREASURY, CapSet
from schemas.claims import Claim
from schemas.decisions import Decision
from schemas.event import Event
from schemas.events import EVENT_TYPES
from schemas.examples import COMMON
from schemas.headers import EPOCH, EVENT_ID, REASON
from schemas.standing import Report
from schemas.topics import CARD_EVENTS, DEAD_LETTERS, DECISIONS, SNAPSHOTS, STATUS, Topic

_SCHEMAS: Final = "#/components/schemas/"
_MESSAGES: Final = "#/components/messages/"
_KEY: Final = {"type": "string", "pattern": "^[^/]+/[^/]+$", "description": "organization/department"}
_TEXT: Final = {"type": "string"}
#: Channel -> its topic.
_CHANNELS: Final[dict[str, Topic]] = {
    "cardEvents": CARD_EVENTS,
    "decisions": DECISIONS,
    "deadLetters": DEAD_LETTERS,
    "status": STATUS,
    "snapshots": SNAPSHOTS,
}

Described = dict[str, Any]


def description() -> Described:
    """An AsyncAPI 3.0.0 document: what spendlog reads and writes, each message with its payload and key."""
    messages, schemas = _components()
    channels = {name: _channel(topic, messages[name]) for name, topic in _CHANNELS.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "spendlog",
            "version": "1",
            "description": "Company card spending: card events in, one decision for each of them out. All "
            "events of a department are on one partition, by murmur2 of their key.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "decideCardEvents": _operation("receive", "cardEvents", "Each gets exactly one decision."),
            "tellDecisions": _operation(
                "send", "decisions", "In the order of its partition, sealed in a chain."
            ),
            "tellDeadLetters": _operation("send", "deadLetters", "What could not be used, with the reason."),
            "tellStatus": _operation("send", "status", "How each partition stands, every few seconds."),
        },
        "components": {
            "messages": {name: message for of in messages.values() for name, message in of.items()},
            "schemas": schemas,
        },
    }


def _components() -> tuple[dict[str, Described], Described]:
    """Messages by channel, and the schemas that they name."""
    types = (*EVENT_TYPES, Decision, Claim, Report)
    _, schemas = msgspec.json.schema_components(types, ref_template=_SCHEMAS + "{name}")
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        _without_discriminators(schema)
    schemas["ClaimRecord"] = {
        "type": "object",
        "description": "From here on the decisions of this owner count, and no other's.",
        "properties": {"claim": {"$ref": _SCHEMAS + "Claim"}},
        "required": ["claim"],
        "additionalProperties": False,
    }
    messages = {
        "cardEvents": dict(_event(event) for event in EVENT_TYPES),
        "decisions": {
            "decision": _message(
                "Decision",
                "What became of one card event, and all that follows from it",
                key=_KEY,
                headers={EVENT_ID: "of the event", EPOCH: "under which claim it was written, and where"},
            ),
            "claim": _message("ClaimRecord", "A new owner of the partition, or his mark", key=None),
        },
        "deadLetters": {
            "deadLetter": {
                "name": "deadLetter",
                "title": "The bytes that could not be used, as they came",
                "contentType": "application/octet-stream",
                "headers": _headers(
                    {
                        REASON: "code of the reason",
                        "detail": "what was wrong",
                        "topic": "where they were",
                        "partition": "where they were",
                        "offset": "where they were",
                    }
                ),
                "payload": {"type": "string", "format": "binary"},
            }
        },
        "status": {"report": _message("Report", "How a partition stands with a worker or a sink", key=_TEXT)},
        "snapshots": {
            "snapshot": {
                "name": "snapshot",
                "title": "A part of a partition's state; only workers of the same version read it",
                "contentType": "application/octet-stream",
                "payload": {"type": "string", "format": "binary"},
            }
        },
    }
    return messages, schemas


def _without_discriminators(schema: Any) -> None:
    """OpenAPI's have tags; AsyncAPI's are names of schemas. Each type's own `type` says the same."""
    if isinstance(schema, dict):
        schema.pop("discriminator", None)
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _without_discriminators(inner)


def _event(event: type[Event]) -> tuple[str, Described]:
    tag = str(event.__struct_config__.tag)
    title = cleandoc(event.__doc__ or "").partition("\n")[0].rstrip(".")
    message = _message(event.__name__, title, key=_KEY, name=tag)
    if event.scopes:
        place = {"department_id": TREASURY} if event is CapSet else {}
        message["examples"] = [{"payload": {"type": tag, **COMMON, **place, **event.example}}]
    return tag, message


def _message(
    schema: str,
    title: str,
    *,
    key: Described | None,
    headers: dict[str, str] | None = None,
    name: str | None = None,
) -> Described:
    found: Described = {"name": name or schema, "title": title, "payload": {"$ref": _SCHEMAS + schema}}
    if key is not None:
        found["bindings"] = {"kafka": {"key": key, "bindingVersion": "0.5.0"}}
    if headers is not None:
        found["headers"] = _headers(headers)
    return found


def _headers(named: dict[str, str]) -> Described:
    return {
        "type": "object",
        "properties": {name: {**_TEXT, "description": words} for name, words in named.items()},
    }


def _channel(topic: Topic, messages: Described) -> Described:
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {message: {"$ref": _MESSAGES + message} for message in messages},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": _configuration(topic.config),
                "bindingVersion": "0.5.0",
            }
        },
    }


def _configuration(config: dict[str, str]) -> Described:
    """As the binding has it: cleanup.policy is a list, numbers are numbers, and it knows no others."""
    found: Described = {"cleanup.policy": config["cleanup.policy"].split(",")}
    for name in ("retention.ms", "max.message.bytes"):
        if name in config:
            found[name] = int(config[name])
    return found


def _operation(action: str, channel: str, summary: str) -> Described:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}
