"""The AsyncAPI description is valid, has every topic and message, and says what the records really are.

`asyncapi-3.0.0.json.gz` is the JSON Schema of AsyncAPI 3.0.0 as its authors publish it (the package
@asyncapi/specs 6, Apache-2.0), unchanged.
"""

from __future__ import annotations

import copy
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api.access.keys import KEY_SCOPES, Principal
from api.resources.events.examples import EXAMPLES
from api.resources.events.read import event_of
from schemas.asyncapi import description
from schemas.claims import Claim, encode_claim
from schemas.codec import decode_event, encode_event
from schemas.events import EVENT_TYPES
from schemas.standing import Report, encode_report
from schemas.topics import TOPICS
from tests.golden.logs import VERSIONS

RULES = json.loads(gzip.decompress(Path(__file__).with_name("asyncapi-3.0.0.json.gz").read_bytes()))
WHO = Principal(
    id="key_a", organization_id="techcorp", name="a", actor="ada", scopes=frozenset(map(str, KEY_SCOPES))
)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(description()))
    return found


@pytest.fixture(scope="module")
def rules() -> Any:
    return jsonschema_rs.Draft7Validator(RULES)


def payload(described: dict[str, Any], message: str) -> Any:
    """A validator of a message's payload."""
    schema = {
        **described["components"]["messages"][message]["payload"],
        "components": described["components"],
    }
    return jsonschema_rs.Draft202012Validator(schema)


def test_it_is_valid(described: dict[str, Any], rules: Any) -> None:
    assert [
        f"{list(error.instance_path)}: {error.message:.200}" for error in rules.iter_errors(described)
    ] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asyncapi",), "2.6.0"),
        (("info", "version"), None),
        (("channels", "decisions", "address"), 1),
        (("operations", "tellStatus", "action"), "tell"),
        (("components", "messages", "claim", "payload"), 3),
        (("channels", "decisions", "bindings", "kafka", "topicConfiguration", "cleanup.policy"), "delete"),
    ],
)
def test_what_is_not_valid_is_found(
    described: dict[str, Any], rules: Any, path: tuple[str, ...], value: object
) -> None:
    changed = copy.deepcopy(described)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not rules.is_valid(changed)


def test_every_topic_and_every_message_is_there(described: dict[str, Any]) -> None:
    assert {channel["address"] for channel in described["channels"].values()} == {
        topic.name for topic in TOPICS
    }
    events = described["channels"]["cardEvents"]["messages"]
    assert events.keys() == {str(event.__struct_config__.tag) for event in EVENT_TYPES}
    for channel in described["channels"].values():
        assert channel["messages"].keys() <= described["components"]["messages"].keys()


def test_every_reference_resolves(described: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = [node["$ref"]] if isinstance(node, dict) and isinstance(node.get("$ref"), str) else []
        return own + [found for one in inner for found in references(one)]

    found = set(references(described))
    assert len(found) > 100
    for reference in found:
        place = described
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_event_is_as_its_message_says(described: dict[str, Any], name: str) -> None:
    event = event_of({"type": name, **EXAMPLES[name]}, WHO, event_id="e1", now=NOW)
    found = json.loads(encode_event(event))
    check = payload(described, name)
    assert [error.message for error in check.iter_errors(found)] == []
    assert not check.is_valid({**found, "event_id": 1})


def test_a_message_that_others_may_send_has_an_example_that_is_one(described: dict[str, Any]) -> None:
    for cls in EVENT_TYPES:
        tag = str(cls.__struct_config__.tag)
        examples = described["components"]["messages"][tag].get("examples", [])
        assert bool(examples) == bool(cls.scopes), tag
        for example in examples:
            assert type(decode_event(json.dumps(example["payload"]).encode())) is cls
            assert payload(described, tag).is_valid(example["payload"])
            assert cls.example.keys() <= set(cls.__struct_fields__)


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda folder: folder.name)
def test_decisions_of_golden_logs_are_as_their_message_says(described: dict[str, Any], folder: Path) -> None:
    check = payload(described, "decision")
    lines = [line for file in folder.glob("*.ndjson") for line in file.read_bytes().splitlines()]
    assert len(lines) > 100
    wrong = [line for line in lines if not check.is_valid(json.loads(line))]
    assert wrong == []


def test_claims_and_reports_are_as_their_messages_say(described: dict[str, Any]) -> None:
    claim = json.loads(encode_claim(Claim(7, "9f3a11c2", 1_200)))
    assert payload(described, "claim").is_valid(claim)
    assert not payload(described, "claim").is_valid({"claim": {"epoch": "7", "owner": "9f3a11c2"}})
    report = Report("ledger", 3, "host:1", "standing_still", NOW, why="PostgreSQL is away")
    assert payload(described, "report").is_valid(json.loads(encode_report(report)))
