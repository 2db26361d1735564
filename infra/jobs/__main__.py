"""`python -m infra.jobs`: the jobs as a process of their own."""

from __future__ import annotations

import sys

from infra.jobs.process import run
from infra.jobs.registry import FEATURES

if __name__ == "__main__":
    sys.exit(run(FEATURES))
