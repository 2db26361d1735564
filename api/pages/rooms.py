"""All pages."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from api.pages import (
    account,
    ask,
    assets,
    audit,
    cards,
    confirm,
    curve,
    departments,
    dispatch,
    jobs,
    keys,
    links,
    live,
    organizations,
    overview,
    people,
    policies,
    receipts,
    reconciliation,
    reports,
    requests,
    reviews,
    sign_in,
    sign_on,
    system,
    transactions,
    webhooks,
)

PAGES: Final[tuple[APIRouter, ...]] = (
    assets.router,
    sign_in.router,
    sign_on.router,
    sign_on.across,
    links.router,
    confirm.router,
    account.router,
    organizations.router,
    overview.router,
    live.router,
    departments.router,
    curve.router,
    requests.router,
    cards.router,
    transactions.router,
    receipts.router,
    ask.router,
    reports.router,
    reviews.router,
    policies.router,
    reconciliation.router,
    dispatch.router,
    people.router,
    keys.router,
    webhooks.router,
    audit.router,
    system.router,
    jobs.router,
)
