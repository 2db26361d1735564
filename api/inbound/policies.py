"""A policy for many departments: the body that asks for it, and its description."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from api.inbound.describe import reference_to
from api.inbound.examples import EXAMPLES
from api.inbound.members import converted, field_error, invalid, read_object
from api.problems import FieldError, Problem
from schemas.controls import Policy
from schemas.ids import NAME_PATTERN, Name, is_name
from schemas.policies import faults
from schemas.reasons import Reason, ReasonCode, sentence

#: Departments of one call. 1,000 were answered in 0.43 s (one API process and one owner thread for all
#: partitions, two cores that had other work), of the 2 s that a call may take.
DEPARTMENTS_MAX = 1_000


class CompanyPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy for departments of an organization; `departments` None: all that have a budget."""

    policy: Policy
    activate: bool = False
    departments: (
        Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=DEPARTMENTS_MAX)] | None
    ) = None

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal for a faithful repeat."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()


def read_company_policy(body: bytes) -> CompanyPolicy:
    """What `body` (JSON) asks for, with a policy that every department's owner takes.

    Raises:
        Problem: 400 no JSON, 422 with the path of each member at fault.
    """
    raw = read_object(body)
    asked: CompanyPolicy = converted(raw, CompanyPolicy, raw)
    if wrong := list(_departments(asked.departments or ())):
        raise invalid(wrong[:50])
    if refused := list(faults(asked.policy)):
        detail = sentence(Reason(code=ReasonCode.INVALID_POLICY, detail=refused[0]))
        raise Problem(
            422,
            ReasonCode.INVALID_POLICY.value,
            f"{detail}. Nothing was written.",
            errors=[_fault(text) for text in refused[:50]],
            reason=ReasonCode.INVALID_POLICY.value,
        )
    return asked


def _departments(names: tuple[str, ...]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        path = ("departments", str(number))
        if not is_name(name):
            words = "must be 1 to 64 letters, digits, dots, underscores and hyphens"
            yield field_error(path, "string_pattern_mismatch", words)
        elif name in seen:
            yield field_error(path, "duplicate", "stands twice")
        seen.add(name)


def _fault(text: str) -> FieldError:
    """`rules[0].what.mccs: '58' is not 4 digits`, with its path as those of other errors are written."""
    place, _, words = text.partition(": ")
    first = place.partition(",")[0].replace("[", ".").replace("]", "")
    return field_error(("policy", *first.split(".")), ReasonCode.INVALID_POLICY.value, words)


def request_body() -> dict[str, Any]:
    """OpenAPI's `requestBody`."""
    name = {"type": "string", "pattern": NAME_PATTERN}
    schema = {
        "title": "CompanyPolicy",
        "type": "object",
        "required": ["policy"],
        "additionalProperties": False,
        "properties": {
            "policy": reference_to(Policy),
            "activate": {
                "type": "boolean",
                "default": False,
                "description": "in force at once; else it is a draft in each department",
            },
            "departments": {
                "type": ["array", "null"],
                "items": name,
                "minItems": 1,
                "maxItems": DEPARTMENTS_MAX,
                "uniqueItems": True,
                "description": "for these; all departments that have a budget, if absent",
            },
        },
    }
    policy = EXAMPLES["policy.drafted"]["policy"]
    examples = {
        "company": {
            "summary": "In force in every department",
            "value": {"policy": policy, "activate": True},
        },
        "draft": {
            "summary": "A draft for two of them",
            "value": {"policy": policy, "departments": ["engineering", "sales"]},
        },
    }
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}
