"""What became of a company's policy, and what is in force where, as it is shown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from api.asking.rollout import CompanyPolicy, Fate
from api.asking.submit import Answered, Pending, Rejection
from api.http.paging import Page
from api.resources.company_policies.answer import (
    CompanyPoliciesOut,
    CompanyPolicySetOut,
    DepartmentPolicyOut,
    DraftOut,
    FateStatus,
    PolicyFateOut,
    PolicyInForceOut,
)
from api.resources.reasons import reason_out
from api.resources.replies import PENDING_DETAIL
from schemas.controls import Policy
from schemas.ids import Position
from schemas.policies import digest

Row = Mapping[str, Any]

_policy_decoder = msgspec.json.Decoder(Policy)
# How a person reads it, in the order of the message.
_WORDS: dict[FateStatus, str] = {
    "rejected": "Rejected by",
    "pending": "Pending in",
    "not_sent": "Not sent to",
}
_NAMED_MAX = 10


def policy_set_out(organization_id: str, asked: CompanyPolicy, fates: Sequence[Fate]) -> CompanyPolicySetOut:
    """The answer to one that was sent."""
    departments = [_fate_out(organization_id, fate) for fate in fates]
    found = Counter(department.status for department in departments)
    open_ = found["pending"] + found["not_sent"]
    return CompanyPolicySetOut(
        organization_id=organization_id,
        status="pending" if open_ else "partial" if found["rejected"] else "complete",
        message=_message(departments, found["accepted"]),
        digest=digest(asked.policy),
        activate=asked.activate,
        departments=departments,
    )


def _message(departments: Sequence[PolicyFateOut], accepted: int) -> str:
    parts = [f"Accepted in {accepted} of {len(departments)} departments."]
    for status, words in _WORDS.items():
        names = [department.department_id for department in departments if department.status == status]
        more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
        if names:
            parts.append(f"{words} {', '.join(names[:_NAMED_MAX])}{more}.")
    return " ".join(parts)


def _fate_out(organization_id: str, fate: Fate) -> PolicyFateOut:
    status: FateStatus
    position, detail = None, None
    reasons = []
    match fate.result:
        case Answered() as answer:
            status, position = "accepted", str(answer.first)
        case Pending(recorded=recorded):
            status, detail = "pending", PENDING_DETAIL[recorded]
        case Rejection(decision=decision):
            status, position = "rejected", str(decision.position)
            reasons = [reason_out(reason) for reason in decision.reasons]
        case problem:
            status, detail = "not_sent", problem.detail
    department = quote(fate.department_id, safe="")
    return PolicyFateOut(
        department_id=fate.department_id,
        status=status,
        policy_version=fate.version,
        position=position,
        reasons=reasons,
        detail=detail,
        look_up=f"/v1/organizations/{organization_id}/departments/{department}/policies",
    )


def company_policies_out(organization_id: str, row: Row, page: Page) -> CompanyPoliciesOut:
    """The row of company_policies.sql."""
    digests = {content: digest(_policy_decoder.decode(text)) for content, text in row["policies"].items()}
    defaults = {digests[content] for content in row["defaults"] if content in digests}
    counts: Counter[str] = Counter()
    for content, departments in row["counts"].items():
        counts[digests[content]] += departments
    drafts: defaultdict[str, list[Row]] = defaultdict(list)
    for draft in row["drafts"]:
        drafts[draft["department_id"]].append(draft)
    shown, last = page.split(row["departments"])
    return CompanyPoliciesOut(
        organization_id=organization_id,
        in_force=[
            PolicyInForceOut(digest=found, departments=number, default=found in defaults)
            for found, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
        departments=[_department_out(each, drafts[each["department_id"]], digests) for each in shown],
        next=None if last is None else last["department_id"],
    )


def _department_out(row: Row, drafts: Sequence[Row], digests: Mapping[str, str]) -> DepartmentPolicyOut:
    partition, seq = row["partition"], row["activated_seq"]
    return DepartmentPolicyOut(
        department_id=row["department_id"],
        name=row["name"],
        version=row["version"],
        default=not row["version"],
        digest=digests[row["content"]],
        activated_at=row["activated_at"],
        position=None if seq is None else str(Position(partition, seq)),
        drafts=[
            DraftOut(
                version=draft["version"],
                digest=digests[draft["content"]],
                drafted_at=draft["drafted_at"],
                position=str(Position(draft["partition"], draft["drafted_seq"])),
            )
            for draft in drafts
        ],
    )
