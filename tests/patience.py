"""How long tests wait. A slow machine may decide no test, so all are far from what a healthy one takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: What must come has come by then.
PATIENCE_S = 60.0
#: What takes longer hangs: far above each wait that the product promises (2 s), far below one without an end.
HUNG_S = 20.0
#: The API's bounds of waiting are so many times as long where no test is about them: 4 s for a look into
#: PostgreSQL instead of half a second, 15 s for a decision. A test about one asks an API of its own at 1.
API_PATIENCE = 8.0
#: Who was to wait a second has waited, though waits end earlier by as much as the loop was late.
WAITED_S = 0.1
#: What does not move for so long stands still: the start of a process is the longest step, a few seconds.
STILL_S = 120.0


def while_it_moves(done: Callable[[], bool], moving: Callable[[], Any], still_s: float = STILL_S) -> None:
    """Waits for `done` as long as it takes while what `moving` gives changes; fails where that stands."""
    seen, until_s = moving(), time.monotonic() + still_s
    while not done():
        if (now := moving()) != seen:
            seen, until_s = now, time.monotonic() + still_s
        assert time.monotonic() < until_s, f"it stands still at {seen}"
        time.sleep(0.05)
