"""Who does what, from where: what a record of the audit log is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import HTTPConnection

from schemas.card_numbers import masked

RESOURCE_MAX: Final = 300

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """By whom something is done, and from where. `action`: the operation, as OpenAPI names it."""

    organization_id: str
    action: str
    actor: str
    actor_id: str | None = None
    role: str | None = None
    request_id: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One record. `reason`: why it was refused, a problem's code; None: it was done."""

    trail: Trail
    resource: str
    reason: str | None = None
    position: str | None = None
    before: State | None = None
    after: State | None = None
    times: int = 1

    def text(self) -> str:
        trail = self.trail
        return msgspec.json.encode({
            "actor": trail.actor,
            "actor_id": trail.actor_id,
            "role": trail.role,
            "request_id": trail.request_id,
            "address": trail.address,
            "action": trail.action,
            "outcome": "done" if self.reason is None else "refused",
            "reason": self.reason,
            "resource": _shown(self.resource),
            "times": self.times,
            "position": self.position,
            "before": self.before,
            "after": self.after,
        }).decode()  # fmt: skip


def action_of(request: HTTPConnection) -> str:
    return str(getattr(request.scope.get("route"), "name", "unknown"))


def address_of(request: HTTPConnection) -> str:
    return request.client.host[:100] if request.client else ""


def _shown(path: str) -> str:
    """Without what PostgreSQL does not keep, and without card numbers."""
    return masked(path.encode(errors="replace").decode().replace("\0", ""))[:RESOURCE_MAX] or "/"
