"""JSON Schemas of what crosses a topic and the AsyncAPI description of all topics, generated from the types:
`python -m schemas.json_schema`."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from schemas.asyncapi import description
from schemas.decisions import Decision
from schemas.events import CardEvent
from schemas.topics import CARD_EVENTS, DECISIONS

FOLDER = Path(__file__).parent / "json"
_TYPES = {CARD_EVENTS.name: CardEvent, DECISIONS.name: Decision}


def documents() -> dict[str, str]:
    """File name -> its text: a JSON Schema for each topic, and the description of all."""
    found = {}
    for topic, cls in _TYPES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": topic}
        found[f"{topic}.json"] = (
            json.dumps(schema | msgspec.json.schema(cls), indent=2, sort_keys=True) + "\n"
        )
    found["asyncapi.json"] = json.dumps(description(), indent=2, sort_keys=True) + "\n"
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER.name + "/" + name)
