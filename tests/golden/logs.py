"""Golden logs: how they lie in files, and what a state's hash is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect

from schemas.codec import check_seal, decode_decision
from schemas.decisions import Decision
from streams.core.apply.evolve import evolve
from streams.core.paged_map import Pages
from streams.core.state import Answer, PartitionState

#: One folder for each version of decisions.
ROOT: Final = Path(__file__).parent
VERSIONS: Final = sorted(ROOT.glob("v*"))
STATES: Final = "states.json"
#: What a record means by leaving a member out: each struct's members with their defaults.
DEFAULTS: Final = "defaults.json"
# Logarithms and exponentials may differ by one in the last of 16 digits between C libraries.
FLOAT_DIGITS: Final = 12
# No part of what was decided: caches go by it, or it says again what payments, budgets and periods say.
_NO_STATE: Final = frozenset({"revision", "expiries", "subjects", "budget_charges", "contested", "sweep"})


def read_logs(path: Path) -> Iterator[list[bytes]]:
    """The logs of a file, one after the other: each begins with decision 0 of a partition."""
    log: list[bytes] = []
    for value in path.read_bytes().splitlines():
        if log and decode_decision(value).seq == 0:
            yield log
            log = []
        log.append(value)
    yield log


def fold(log: Iterable[bytes]) -> Iterator[PartitionState]:
    """The state, always the same one, after each decision of a partition's log, whose seals must hold."""
    state: PartitionState | None = None
    for value in log:
        decision = decode_decision(value)
        state = state or PartitionState(decision.partition)
        assert decision.seq == state.seq
        check_seal(value, decision, state.last_hash)
        yield evolve(state, decision)


def state_hashes(log: Iterable[bytes]) -> list[str]:
    """That of the state after each decision of the log."""
    return [state_hash(state) for state in fold(log)]


def state_hash(state: PartitionState) -> str:
    """16 hex digits of SHA-256 over what the state says, whatever the order of its members.

    No default is said, so a member that is added with a default changes no hash.
    """
    return hashlib.sha256(msgspec.json.encode(_plain(state), order="deterministic")).hexdigest()[:16]


def _plain(value: object) -> Any:
    if isinstance(value, Pages):
        return (
            _answers(value)
            if isinstance(next(iter(value.values()), None), Answer)
            else _plain(dict(value.items()))
        )
    if isinstance(value, msgspec.Struct):
        said = (
            (name, getattr(value, name), required, default)
            for name, required, default in _members(type(value))
        )
        return {name: _plain(one) for name, one, required, default in said if required or one != default}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return float(f"{value:.{FLOAT_DIGITS}g}") if isinstance(value, float) else value


def _answers(answers: Pages[str, Answer]) -> Any:
    """By bucket, as they once lay."""
    found: dict[str, dict[str, Any]] = {}
    for name, answer in answers.items():
        plain = _plain(answer)
        found.setdefault(str(plain.pop("bucket")), {})[name] = plain
    return found


@cache
def _members(kind: type[msgspec.Struct]) -> list[tuple[str, bool, Any]]:
    """Name, whether it is required, and its default otherwise."""
    members = (one for one in msgspec.structs.fields(kind) if one.name not in _NO_STATE)
    return [(one.name, one.required, None if one.required else _default(one)) for one in members]


def _default(member: msgspec.structs.FieldInfo) -> Any:
    return member.default if member.default_factory is msgspec.NODEFAULT else member.default_factory()


def defaults() -> dict[str, dict[str, Any]]:
    """What each struct of a decision means by leaving a member out, by name of struct and member."""
    found: dict[str, dict[str, Any]] = {}
    waiting: list[object] = [inspect.type_info(Decision)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, inspect.StructType):
            if one.cls.__name__ in found:
                continue
            members = msgspec.structs.fields(one.cls)
            found[one.cls.__name__] = {
                member.name: msgspec.json.decode(msgspec.json.encode(_default(member)))
                for member in members
                if not member.required
            }
            waiting += [field.type for field in one.fields]
        elif isinstance(one, inspect.Type):
            inner = (getattr(one, name) for name in one.__struct_fields__)
            waiting += chain.from_iterable(part if isinstance(part, tuple) else (part,) for part in inner)
    return found
