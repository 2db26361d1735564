"""How a partition stands with a worker or a sink, as that process tells it: records of `spend.status.v1`.

Each is written every few seconds, so that silence tells, too (docs/decisions/0022). Only people and the
answer of `/readyz` depend on them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

#: Six reports that are missing: the process is gone, or hangs.
REPORT_EVERY_S: Final = 5.0
SILENT_AFTER_S: Final = 30.0
#: Of each text: a reason is read by people, and hundreds of records are read for one answer.
TEXT_MAX: Final = 1_000

Part = Literal["worker", "ledger", "status", "webhooks"]
State = Literal["working", "taking_over", "standing_still"]
PARTS: Final[tuple[Part, ...]] = ("worker", "ledger", "status", "webhooks")
#: What a system may do without: nobody is missed who never told.
OPTIONAL: Final[frozenset[Part]] = frozenset({"webhooks"})


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """`process`: who says so. `at`: when, by its clock.

    `position`: the offset that is read next; `seq`: decisions made or stored so far; None: not known now.
    `since`, `why`, `remedy`: of a partition that stands still; since when, why, what a person can do.
    `progress`: when this process last made or stored a decision; None: not yet.
    `void`: records of replaced owners that it has passed over since it took the partition over.
    """

    part: Part
    partition: int
    process: str
    state: State
    at: datetime
    position: int | None = None
    seq: int | None = None
    since: datetime | None = None
    why: str | None = None
    remedy: str | None = None
    progress: datetime | None = None
    void: int = 0

    @property
    def key(self) -> bytes:
        """Of its record: the latest one of a key counts."""
        return f"{self.part}/{self.partition}".encode()

    def silent_s(self, now: datetime) -> float | None:
        """The seconds since it was written, where that is too long; None: its process lives."""
        age_s = (now - self.at).total_seconds()
        return age_s if age_s > SILENT_AFTER_S else None


def encode_report(report: Report) -> bytes:
    """JSON, with texts cut to `TEXT_MAX`."""
    cut = {
        name: text[:TEXT_MAX]
        for name in ("process", "why", "remedy")
        if (text := getattr(report, name)) is not None
    }
    return msgspec.json.encode(msgspec.structs.replace(report, **cut))


def decode_report(value: bytes | None) -> Report | None:
    """None where it is no report: whoever may write there may write anything."""
    try:
        report = msgspec.json.decode(value or b"", type=Report)
    except (msgspec.DecodeError, UnicodeError):
        return None
    # Times without an offset from UTC do not compare.
    times = (report.at, report.since, report.progress)
    return None if any(time is not None and time.tzinfo is None for time in times) else report


def utc(seconds: float) -> datetime:
    """Seconds since the epoch, for people: whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)
