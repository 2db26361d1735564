"""A policy for many departments: the body that asks for it, and its description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.asking.rollout import DEPARTMENTS_MAX, CompanyPolicy
from api.http.members import converted, field_error, invalid, read_object
from api.http.problems import FieldError, Problem
from api.resources.events.describe import reference_to
from api.resources.events.examples import EXAMPLES
from schemas.controls import Policy
from schemas.ids import NAME_PATTERN, is_name
from schemas.policies import faults
from schemas.reasons import Reason, ReasonCode, sentence


def read_company_policy(body: bytes) -> CompanyPolicy:
    """What `body` (JSON) asks for, with a policy that every department's owner takes.

    Raises:
        Problem: 400 no JSON, 422 with the path of each member at fault.
    """
    raw = read_object(body)
    asked: CompanyPolicy = converted(raw, CompanyPolicy, raw)
    if wrong := list(_departments(asked.departments or ())):
        raise invalid(wrong[:50])
    require_usable(asked.policy)
    return asked


def require_usable(policy: Policy) -> None:
    """Raises Problem 422, with each field at fault: no department's owner would take it."""
    if refused := list(faults(policy)):
        detail = sentence(Reason(code=ReasonCode.INVALID_POLICY, detail=refused[0]))
        raise Problem(
            422,
            ReasonCode.INVALID_POLICY.value,
            f"{detail}. Nothing was written.",
            errors=[_fault(text) for text in refused[:50]],
            reason=ReasonCode.INVALID_POLICY.value,
        )


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
