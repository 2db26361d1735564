"""Proofs of the books: the last ones, and claim by claim what one of them found."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from api.access.keys import Scope
from api.access.roles import OPERATORS
from api.access.security import needs
from api.http.paging import Page
from api.http.problems import Problem
from api.pages.frame import page
from api.pages.route import Asked, Asking, PageRoute
from api.resources.verifications import VerificationOut, find_verification, verifications_page

router = APIRouter(route_class=PageRoute, include_in_schema=False)

ADDRESS: Final = "/verifications"
ROWS: Final = 30


@router.get(ADDRESS, openapi_extra=needs(Scope.AUDIT_READ))
async def show_verifications(asking: Asked, after: str | None = None) -> Response:
    """The newest in full, those before it in a list."""
    return await _shown(asking, after, None)


@router.get(f"{ADDRESS}/{{verification_id}}", openapi_extra=needs(Scope.AUDIT_READ))
async def show_verification(asking: Asked, verification_id: int) -> Response:
    """Raises Problem 404."""
    if not 0 < verification_id < 2**63:
        raise Problem(404, "unknown_verification", "There is no such proof of the books.")
    chosen = await find_verification(asking.services, asking.viewer.caller, verification_id)
    return await _shown(asking, None, chosen)


async def _shown(asking: Asking, after: str | None, chosen: VerificationOut | None) -> Response:
    found = await verifications_page(asking.services, asking.viewer.caller, Page(after, ROWS, ADDRESS))
    return page(
        asking.request,
        "verifications",
        found=found,
        chosen=chosen or next(iter(found.verifications), None),
        whole=asking.viewer.organization_id == OPERATORS,
    )
