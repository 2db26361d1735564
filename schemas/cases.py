"""Cases: payments that somebody should look at, from their opening to what was found."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from schemas.event import Label, LabelSource, Timestamp

CaseStatus = Literal["open", "decided"]
CASE_STATUSES: Final[tuple[CaseStatus, ...]] = get_args(CaseStatus)


class PaymentLabel(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The latest of a payment's labels: by whom, through what, and when in the time of events."""

    label: Label
    source: LabelSource
    actor: str | None = None
    at: Timestamp | None = None


def case_after(
    status: CaseStatus | None, before: Label | None, label: Label, source: LabelSource
) -> CaseStatus | None:
    """The status of a case after one more label; None: there is no case. `before`: the label before it.

    Whoever looks into it decides it, also where he stays unsure. What a chargeback or the customer says
    decides it, too, unless it contradicts what was found before: then somebody must look again.
    """
    if status is None:
        return None
    if source == "review":
        return "decided"
    if before is None or before == "unsure":
        return status if label == "unsure" else "decided"
    return status if label == before else "open"
