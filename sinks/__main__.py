"""`python -m sinks ledger` or `status`: one of them as a process of its own."""

from __future__ import annotations

import sys
from typing import get_args

from sinks.run import SinkName, run

if __name__ == "__main__":
    for name in get_args(SinkName):
        if sys.argv[1:] == [name]:
            sys.exit(run(name))
    sys.stderr.write(f"usage: python -m sinks {'|'.join(get_args(SinkName))}\n")
    sys.exit(2)
