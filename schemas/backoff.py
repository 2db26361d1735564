"""How long a process waits before it tries again what has failed: the worker, the sinks, the supervisor."""

from __future__ import annotations

from typing import NamedTuple


class Backoff(NamedTuple):
    """`first_s` seconds after the first failure in a row, doubled with each to at most `s_max`."""

    first_s: float
    s_max: float

    def wait_s(self, failures: int) -> float:
        """The seconds to wait after `failures` in a row, of which there is at least one."""
        # 2.0 to the 1,024 is no float any more, and a server may be away for days.
        return min(self.s_max, self.first_s * 2.0 ** min(failures - 1, 60))
