"""`python -m sinks.webhooks`: the sender of webhooks as a process of its own."""

from __future__ import annotations

import sys

from sinks.webhooks.process import run

if __name__ == "__main__":
    sys.exit(run())
