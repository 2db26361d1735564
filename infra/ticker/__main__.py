"""`python -m infra.ticker`: the ticker as a process of its own."""

from __future__ import annotations

import sys

from infra.ticker.ticker import run

if __name__ == "__main__":
    sys.exit(run())
