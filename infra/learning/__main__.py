"""`python -m infra.learning`: the learner as a process of its own."""

from __future__ import annotations

import sys

from infra.learning.process import run

if __name__ == "__main__":
    sys.exit(run())
