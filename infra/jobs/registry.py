"""All features that have jobs, each with a queue of its own: a slow one costs the others nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from infra.jobs import mail, receipts, reconciliation, reports, requests, upkeep, verification
from infra.jobs.feature import Feature

#: Each reads its own settings, once, at start; a wrong one is a SettingError.
FEATURES: Final[Sequence[Callable[[], Feature]]] = (
    upkeep.feature,
    receipts.feature,
    reports.feature,
    reconciliation.feature,
    verification.feature,
    mail.feature,
    requests.feature,
)
