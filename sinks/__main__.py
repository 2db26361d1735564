"""`python -m sinks ledger`, `status` or `ticker`: one of them as a process of its own."""

from __future__ import annotations

import sys
from typing import get_args

from sinks.run import SinkName, run
from sinks.ticker import run_ticker

if __name__ == "__main__":
    if sys.argv[1:] == ["ticker"]:
        sys.exit(run_ticker())
    for name in get_args(SinkName):
        if sys.argv[1:] == [name]:
            sys.exit(run(name))
    sys.stderr.write(f"usage: python -m sinks {'|'.join((*get_args(SinkName), 'ticker'))}\n")
    sys.exit(2)
