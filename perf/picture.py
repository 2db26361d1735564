"""The figures as one picture. Needs matplotlib, which only those who measure install."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perf.comparison import RIVALS, Compared
from perf.results import EndToEnd, Latency, Recovery, Result
from perf.rounds import CLASSES, Contest, Durability, spread

OURS, OTHERS, ASKED = "#2563eb", "#9ca3af", "#dc2626"


def draw(results: dict[str, Result], path: Path, caption: str) -> None:
    """Writes an SVG. Benches that were not run leave their panel out.

    Raises:
        ImportError: matplotlib is not installed.
    """
    pyplot = as_svg()
    panels = [panel for panel in (_in_memory, _on_disk, _rates, _latency) if panel(None, results)]
    if not panels:
        return
    heights = [3.2 if panel in (_in_memory, _on_disk) else 2.0 for panel in panels]
    figure, axes = pyplot.subplots(
        len(panels), 1, figsize=(8.4, sum(heights)), height_ratios=heights, squeeze=False
    )
    for panel, axis in zip(panels, axes[:, 0], strict=True):
        panel(axis, results)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.invert_yaxis()
    figure.text(0.01, 0.005, caption, fontsize=7, color="#6b7280")
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def as_svg() -> Any:
    """matplotlib's pyplot, set up for pictures in documents.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl

    mpl.use("svg")
    # The same file for the same figures, and letters as letters.
    mpl.rcParams.update({"svg.hashsalt": "spendlog", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    return pyplot


def _compared(axis: Any, results: dict[str, Result], durability: Durability) -> bool:
    """One class: ours, and each rival at its best; the line across a bar is its spread."""
    compared = results.get(f"compared-{durability}")
    if not isinstance(compared, Compared):
        return False
    if axis is None:
        return True
    shown = [*compared.ours(), *filter(None, (_best(compared, rival) for rival in RIVALS))]
    spreads = [spread(one.rates) for one in shown]
    bars = [
        (one.name, rates.middle, OURS if one.rival is None else OTHERS)
        for one, rates in zip(shown, spreads, strict=True)
    ]
    labels = [
        f"{rates.middle:,.0f}/s   {one.cpu_us:.0f} µs of processor"
        for one, rates in zip(shown, spreads, strict=True)
    ]
    _bars(axis, bars, labels)
    for row, rates in enumerate(spreads):
        axis.plot([rates.low, rates.high], [row, row], color="#111827", linewidth=1.2, zorder=2)
    axis.set_title(f"One hot department, {CLASSES[durability]}: decisions a second", loc="left")
    return True


def _best(compared: Compared, rival: str) -> Contest | None:
    return max(compared.variants(rival), key=lambda one: spread(one.rates).middle, default=None)


def _in_memory(axis: Any, results: dict[str, Result]) -> bool:
    return _compared(axis, results, "memory")


def _on_disk(axis: Any, results: dict[str, Result]) -> bool:
    return _compared(axis, results, "disk")


def _rates(axis: Any, results: dict[str, Result]) -> bool:
    """What has a rate of its own to reach."""
    found: list[tuple[str, float, int]] = []
    whole, recovery = results.get("end-to-end"), results.get("recovery")
    if isinstance(whole, EndToEnd):
        found.append(("event to booking", whole.booked, 8_000))
    if isinstance(recovery, Recovery):
        found.append(("recovery from the log", recovery.from_log, 50_000))
    if not found:
        return False
    if axis is None:
        return True
    for row, (_, _, asked) in enumerate(found):
        _goal(axis, asked, row)
    _bars(
        axis,
        [(name, value, OURS) for name, value, _ in found],
        [f"{value:,.0f}/s   (goal: {asked:,})" for _, value, asked in found],
    )
    axis.set_title("Everything running: events a second", loc="left")
    return True


def _latency(axis: Any, results: dict[str, Result]) -> bool:
    """Event to readable decision."""
    latency = results.get("latency")
    if not isinstance(latency, Latency):
        return False
    if axis is None:
        return True
    bars: list[tuple[str, float, str]] = []
    labels: list[str] = []
    for at in latency.at:
        for name, value, asked in (("p50", at.p50_ms, 25), ("p99", at.p99_ms, 100)):
            labels.append(f"{value:.1f} ms")
            if at.rate == 500:
                labels[-1] += f"   (goal: at most {asked})"
                _goal(axis, asked, len(bars))
            bars.append((f"{at.rate:,} events/s, {name}", value, OURS))
    _bars(axis, bars, labels)
    axis.set_title("From an event's intended time to its readable decision", loc="left")
    return True


def _bars(axis: Any, bars: list[tuple[str, float, str]], labels: list[str]) -> None:
    drawn = axis.barh(
        range(len(bars)), [value for _, value, _ in bars], color=[color for *_, color in bars], height=0.62
    )
    # White behind the letters, so that a line beneath does not strike them out.
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axis.bar_label(drawn, labels, padding=5, bbox=paper, zorder=3)
    axis.set_yticks(range(len(bars)), [name for name, *_ in bars])
    axis.set_xlim(0, 1.5 * max(value for _, value, _ in bars))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _goal(axis: Any, value: float, row: int) -> None:
    """A line across one bar, at what is asked of it."""
    axis.plot([value, value], [row - 0.42, row + 0.42], color=ASKED, linewidth=1.5, solid_capstyle="butt")
