"""What the benches return, and what is asked of it. Rates are per second, `_ms` and `_us` what they say."""

from __future__ import annotations

from typing import Literal

import msgspec

from perf.comparison import BATCHES, CROWD, ROW_LOCKS, Compared, headline
from perf.rounds import Contest, Durability, spread


class EndToEnd(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Event to booking, scoring on. `decided`, `status`: when these had all, over the same events."""

    events: int
    booked: float
    decided: float
    status: float


class LatencyAt(msgspec.Struct, frozen=True, kw_only=True):
    """Intended send time to readable decision, everything running.

    `stages_ms`: the median of each part of the way, in whole milliseconds of the broker's and worker's clock:
    `sent` until the broker has the event, `decided` until the worker hands its decision over, `readable`
    until the reader has it: write, commit, fetch.
    """

    rate: int
    events: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    stages_ms: dict[str, float]


class Latency(msgspec.Struct, frozen=True, tag=True):
    at: list[LatencyAt]


class OpenLoopAt(msgspec.Struct, frozen=True, kw_only=True):
    """Intended send time to answer at one rate. None: too few requests for that percentile.

    `unanswered`: not before the end, and counted as waiting until then; `late_ms`: the sender itself.
    """

    side: str
    durability: Durability
    rate: int
    requests: int
    unanswered: int
    late_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float


class OpenLoop(msgspec.Struct, frozen=True, tag=True):
    at: list[OpenLoopAt]


class Recovery(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A worker that starts on a full log. `_s`: its takeover; `restart_s`: from exec to having taken over."""

    decisions: int
    from_log: float
    from_log_s: float
    from_log_restart_s: float
    with_snapshot_replayed: int
    with_snapshot_s: float
    with_snapshot_restart_s: float


class Decide(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The owner's own work for one event, without Kafka: microseconds, the best of several rounds."""

    events: int
    hot_us: float
    hot_scored_us: float
    spread_us: float
    spread_scored_us: float


class Controls(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The core alone under many controls: median microseconds for each event, and the state's weight."""

    controls: int
    open_holds: int
    cards: int
    decide_us: float
    request_us: float
    clearing_us: float
    evolve_us: float
    hold_bytes: float  # in a snapshot
    card_bytes: float


class Stalls(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The longest stop on the way of a decision, in milliseconds: see `perf.stalls`."""

    payments: int
    others: int  # budgets of a department, and departments of a partition
    growing_ms: float
    forgetting_ms: float
    snapshot_ms: float
    snapshot_step_ms: float
    due_ms: float
    budgets_ms: float


class CostAt(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of the owner for an event, where there are `count`; `ratio`: to where there are fewest."""

    count: int
    us: float
    ratio: float


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """Resident bytes of one more, over `count` of them."""

    what: str
    count: int
    bytes: float


class PartitionsAt(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that owns `partitions` in which nothing happens. `start_s`: from exec to owning all.

    `idle_cores`, `broker_idle_cores`: processors kept busy by doing nothing, 0.01 is a hundredth of one.
    """

    partitions: int
    start_s: float
    memory_mib: float
    idle_cores: float
    broker_idle_cores: float


class WorkersAt(msgspec.Struct, frozen=True, kw_only=True):
    """Workers on the same partitions. `cpu_us`: of all, for a decision; `busiest`: the share of one."""

    workers: int
    events: int
    rate: float
    cpu_us: float
    busiest: float


class Growth(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How cost and memory grow. `event_bytes`, `decision_bytes`: in the log, on average."""

    departments: list[CostAt]
    payments: list[CostAt]
    weights: list[Weight]
    partitions: list[PartitionsAt]
    workers: list[WorkersAt]
    event_bytes: float
    decision_bytes: float


Result = Compared | EndToEnd | Latency | OpenLoop | Recovery | Decide | Controls | Stalls | Growth


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the table. `goal`: the figure to reach; None where none is set."""

    bench: str
    what: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["more", "less"] = "more"

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.better == "more" else self.value <= self.goal


def rows(results: dict[str, Result]) -> list[Figure]:
    """The table, in the order of the results; ratios stand where both of their sides were measured."""
    table: list[Figure] = []
    for name, result in results.items():
        match result:
            case Compared():
                table += [row for contest in result.contests for row in _contest(name, contest)]
            case EndToEnd():
                table += [
                    Figure(name, "booked in PostgreSQL", result.booked, "events/s", 8_000),
                    Figure(name, "status in Redis", result.status, "events/s"),
                    Figure(name, "decided meanwhile", result.decided, "events/s"),
                ]
            case Latency():
                table += [row for at in result.at for row in _latency(name, at)]
            case OpenLoop():
                table += [row for at in result.at for row in _open_loop(name, at)]
            case Recovery():
                table += [
                    Figure(name, "from the log", result.from_log, "decisions/s", 50_000),
                    Figure(name, "takeover from the log", result.from_log_s, "s"),
                    Figure(name, "takeover with a snapshot", result.with_snapshot_s, "s"),
                    Figure(name, "restart with a snapshot", result.with_snapshot_restart_s, "s"),
                ]
            case Decide():
                table += [
                    Figure(name, "1 department", result.hot_us, "us", better="less"),
                    Figure(name, "1 department, scored", result.hot_scored_us, "us", better="less"),
                    Figure(name, "20 departments", result.spread_us, "us", better="less"),
                    Figure(name, "20 departments, scored", result.spread_scored_us, "us", better="less"),
                ]
            case Controls():
                table += [
                    Figure(name, f"deciding, {result.controls} controls", result.decide_us, "us", 15, "less"),
                    Figure(name, "of it, a request", result.request_us, "us", better="less"),
                    Figure(name, "of it, a clearing", result.clearing_us, "us", better="less"),
                    Figure(name, "the state after it", result.evolve_us, "us", better="less"),
                    Figure(name, "an open hold in a snapshot", result.hold_bytes, "bytes", better="less"),
                    Figure(name, "a card in a snapshot", result.card_bytes, "bytes", better="less"),
                ]
            case Stalls():
                table += [
                    Figure(name, what, value, "ms", 10, "less")
                    for what, value in (
                        (f"{result.payments:,} payments: one more", result.growing_ms),
                        ("the end of a bucket of memory", result.forgetting_ms),
                        ("deciding while a snapshot is made", result.snapshot_ms),
                        ("a step of the snapshot", result.snapshot_step_ms),
                        (f"{result.others:,} departments: a snapshot is due?", result.due_ms),
                        (f"{result.others:,} budgets: one more", result.budgets_ms),
                    )
                ]
            case Growth():
                table += _growth(name, result)
    return table + ratios(results)


#: (ours, rival, class) -> the lowest ratio that is asked.
GOALS: dict[tuple[str, str, Durability], float] = {
    ("spendlog", ROW_LOCKS, "disk"): 5,
    ("spendlog", ROW_LOCKS, "memory"): 2,
    ("spendlog", CROWD, "disk"): 15,
    ("spendlog", CROWD, "memory"): 6,
    ("spendlog, 20 controls and scoring", ROW_LOCKS, "disk"): 3,
    ("spendlog, 20 controls and scoring", ROW_LOCKS, "memory"): 1.3,
    ("spendlog", BATCHES, "disk"): 0.5,
    ("spendlog", BATCHES, "memory"): 0.5,
}


def ratios(results: dict[str, Result]) -> list[Figure]:
    """Ours against each rival, the lowest of all turns: what may be claimed."""
    return [
        Figure(
            "ratio",
            f"{row.ours}, {row.durability}",
            row.ratio.low,
            f"x {row.rival}",
            GOALS.get((row.ours, row.rival, row.durability)),
        )
        for result in results.values()
        if isinstance(result, Compared)
        for row in headline(result)
    ]


def _growth(name: str, result: Growth) -> list[Figure]:
    return [
        *_slope(name, "departments", result.departments),
        *_slope(name, "payments of one department", result.payments),
        *(Figure(name, f"one more: {one.what}", one.bytes, "bytes", better="less") for one in result.weights),
        *(row for at in result.partitions for row in _idle(name, at)),
        *(row for at in result.workers for row in _shared(name, at)),
    ]


def _slope(name: str, what: str, at: list[CostAt]) -> list[Figure]:
    """Growth may cost a fifth."""
    most = max(at, key=lambda one: one.count)
    return [
        *(Figure(name, f"an event, {one.count:,} {what}", one.us, "us", better="less") for one in at),
        Figure(name, f"{most.count:,} {what}, to the fewest", most.ratio, "x", 1.2, "less"),
    ]


def _idle(name: str, at: PartitionsAt) -> list[Figure]:
    what = f"a worker of {at.partitions} idle partitions"
    return [
        Figure(name, f"{what}: until it owns them", at.start_s, "s", better="less"),
        Figure(name, f"{what}: memory", at.memory_mib, "MiB", better="less"),
        Figure(name, f"{what}: processor", at.idle_cores * 100, "% of a core", better="less"),
        Figure(name, f"{what}: the broker's", at.broker_idle_cores * 100, "% of a core", better="less"),
    ]


def _shared(name: str, at: WorkersAt) -> list[Figure]:
    what = f"{at.workers} worker{'s' if at.workers > 1 else ''}"
    return [
        Figure(name, f"{what}: rate", at.rate, "decisions/s"),
        Figure(name, f"{what}: processor time of a decision", at.cpu_us, "us", better="less"),
    ]


def _contest(name: str, contest: Contest) -> list[Figure]:
    return [
        Figure(name, contest.name, spread(contest.rates).middle, "decisions/s"),
        Figure(name, f"{contest.name}, processor time", contest.cpu_us, "us", better="less"),
    ]


def _open_loop(name: str, at: OpenLoopAt) -> list[Figure]:
    what = f"{at.side}, {at.rate:,}/s, {at.durability}"
    named = {"p50": at.p50_ms, "p99": at.p99_ms, "p99.9": at.p999_ms}
    return [
        Figure(name, f"{what}, {percent}", value, "ms", better="less")
        for percent, value in named.items()
        if value is not None
    ]


def _latency(name: str, at: LatencyAt) -> list[Figure]:
    asked = at.rate == 500
    return [
        Figure(name, f"{at.rate}/s, p50", at.p50_ms, "ms", 25 if asked else None, "less"),
        Figure(name, f"{at.rate}/s, p90", at.p90_ms, "ms", better="less"),
        Figure(name, f"{at.rate}/s, p99", at.p99_ms, "ms", 100 if asked else None, "less"),
        Figure(name, f"{at.rate}/s, max", at.max_ms, "ms", better="less"),
        *(
            Figure(name, f"{at.rate}/s, median of {stage}", value, "ms", better="less")
            for stage, value in at.stages_ms.items()
        ),
    ]
