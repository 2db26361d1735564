"""The statuses with which processes end, after sysexits.h: supervisors and scripts read them."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Unlisted: minus the signal that ended the process, or a defect's 1."""

    DONE = 0
    FAILED = 1  # it could not go on, or what it checked does not hold
    WRONG_WORD = 2  # a command line that is not understood; typer's, too
    NOT_RUNNING = 3  # asked how it stands: not everything runs well
    KAFKA_AWAY = 69  # EX_UNAVAILABLE: start again later
    CRASHED = 70  # EX_SOFTWARE: a new process takes over again from the log
    WRONG_SETTING = 78  # EX_CONFIG: starting again will not help
