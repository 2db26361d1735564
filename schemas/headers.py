"""Headers of Kafka records that one room writes and another reads."""

from __future__ import annotations

from typing import Final

#: Of a decision: its event's id, so that who looks for one need not decode the others.
EVENT_ID: Final = "event_id"
#: Of a dead letter: the code of the reason for which its event was rejected.
REASON: Final = "reason"
#: Of a decision: under which claim it was written, and where (`schemas.claims`).
EPOCH: Final = "epoch"
