"""Every member of an event has a bound, and docs/limits.md says which."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from msgspec import inspect

from api.http.members import converted, read_object
from api.http.problems import Problem
from infra import limits_doc
from schemas.codec import UndecodableEvent, decode_event
from schemas.events import EVENT_TYPES, CardEvent, Event

COMMON = {
    "event_id": "e",
    "organization_id": "techcorp",
    "department_id": "eng",
    "occurred_at": "2026-11-01T12:00:00Z",
}


def test_every_member_has_a_bound() -> None:
    limits = limits_doc.limits()
    assert len(limits) > 100
    assert [limit.member for limit in limits if limit.words is None] == []


def test_the_document_is_that_of_the_types() -> None:
    """`python -m infra.limits_doc` writes it anew."""
    assert limits_doc.FILE.read_text(encoding="utf-8") == limits_doc.document()


def _least(info: inspect.Type) -> Any:
    """A small value of the type."""
    match info:
        case inspect.Metadata():
            return _least(info.type)
        case inspect.StructType():
            members = {field.encode_name: _least(field.type) for field in info.fields if field.required}
            common = COMMON if issubclass(info.cls, Event) else {}
            return members | ({info.tag_field: info.tag} if info.tag_field else {}) | common
        case inspect.UnionType():
            return _least(info.types[0])
        case inspect.StrType():
            return "USD" if info.max_length == 3 else "x" * max(info.min_length or 0, 1)
        case inspect.BytesType():
            return base64.b64encode(bytes(info.min_length or 0)).decode()
        case inspect.IntType():
            return int(info.ge if info.ge is not None else (info.gt or 0) + 1)
        case inspect.VarTupleType():
            return [_least(info.item_type)] * (info.min_length or 0)
        case inspect.DictType():
            return {}
        case inspect.LiteralType():
            return info.values[0]
        case inspect.BoolType():
            return False
        case inspect.DateTimeType():
            return "2026-11-01T12:00:00Z"
        case inspect.DateType():
            return "2026-11-01"
    raise AssertionError(info)


def _too_large(info: inspect.Type) -> list[Any]:
    """Values just beyond the type's bounds."""
    match info:
        case inspect.Metadata():
            return _too_large(info.type)
        case inspect.UnionType():
            return [value for one in info.types for value in _too_large(one)]
        case inspect.StrType():
            assert info.max_length is not None
            return ["x" * (info.max_length + 1)] + ([""] if info.min_length else [])
        case inspect.BytesType():
            assert info.max_length is not None and info.min_length
            sizes = (info.max_length + 1, info.min_length - 1)
            return ["no base64!", *(base64.b64encode(bytes(size)).decode() for size in sizes)]
        case inspect.IntType():
            assert info.le is not None
            beneath = info.ge - 1 if info.ge is not None else info.gt
            return [info.le + 1, beneath, 2**63, -(2**63) - 1]
        case inspect.VarTupleType():
            assert info.max_length is not None
            return [[_least(info.item_type)] * (info.max_length + 1)]
        case inspect.DictType():
            assert info.max_length is not None
            return [{f"x{number}": 1 for number in range(info.max_length + 1)}]
        case inspect.StructType():
            least = _least(info)
            return [
                least | {field.encode_name: value}
                for field in info.fields
                for value in _too_large(field.type)
            ]
    return []


@pytest.mark.parametrize("cls", EVENT_TYPES, ids=lambda cls: str(cls.__struct_config__.tag))
def test_what_is_beyond_a_bound_is_refused_at_every_entrance(cls: type) -> None:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    decode_event(json.dumps(_least(info)).encode())
    wrong = _too_large(info)
    for raw in random.Random(1).sample(wrong, min(len(wrong), 60)):
        value = json.dumps(raw).encode()
        with pytest.raises(UndecodableEvent):
            decode_event(value)
        with pytest.raises(Problem):
            _over_rest(value)


def _over_rest(value: bytes) -> object:
    raw = read_object(value)
    return converted(raw, CardEvent, raw)
