"""The slopes as one picture. Needs matplotlib, which only those who measure install."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perf.bench import REPOSITORY
from perf.picture import ASKED, OURS, as_svg
from perf.results import CostAt, Growth

PICTURE = REPOSITORY / "docs" / "pictures" / "growth.svg"
ALLOWED = 1.2


def draw(growth: Growth, path: Path) -> None:
    """Writes an SVG: processor time of an event by departments, and by payments of one department.

    Raises:
        ImportError: matplotlib is not installed.
    """
    pyplot = as_svg()
    figure, axes = pyplot.subplots(1, 2, figsize=(8.4, 2.8), sharey=True)
    _slope(axes[0], growth.departments, "departments of a partition")
    _slope(axes[1], growth.payments, "payments of one department")
    axes[0].set_ylabel("µs of processor for an event")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _slope(axis: Any, at: list[CostAt], what: str) -> None:
    """The line of what was measured, and a fifth above the fewest, which is what growth may cost."""
    counts = [one.count for one in at]
    allowed = ALLOWED * min(at, key=lambda one: one.count).us
    axis.plot(counts, [one.us for one in at], "o-", color=OURS, linewidth=1.5)
    axis.axhline(allowed, color=ASKED, linewidth=1.0)
    axis.set_xscale("log")
    axis.set_ylim(0, 1.3 * max(allowed, *(one.us for one in at)))
    axis.set_title(what, loc="left", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
