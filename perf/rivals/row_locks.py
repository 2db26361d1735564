"""Row locks in PostgreSQL, driven by its own pgbench: every request is a transaction of its own.

Two variants, a PL/pgSQL function and one statement, at each number of clients; on tables that have been
analysed, with plans that are looked at, on a server that is set up as its manual advises.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
import psycopg
from psycopg import postgres, pq
from psycopg.conninfo import conninfo_to_dict

from infra.processes.child import Child
from infra.stack.postgres import program_folder
from perf.comparison import ROW_LOCKS
from perf.contestant import Contestant
from perf.cpu import TreeMeter, reaped_s, wait_gone
from perf.kafka import BenchFailed
from perf.rivals import servers
from perf.rounds import Durability, Round
from perf.workload import LIMIT_MINOR

VARIANTS = ("function", "statement")
SQL = Path(__file__).with_name("sql")
TABLES = ("card_authorization", "budget_period", "department_budget")
EVENT = "('c' || :client_id || '-' || :n)"
# The parameters of both variants, as pgbench's variables.
PARAMETERS = (
    EVENT,
    "'bench'",
    "'dept-00'",
    f"('a-' || {EVENT})",
    "('card-00-' || :card)",
    "'Jo Bench'",
    "('Merchant ' || :merchant)",
    "'5943'",
    "'US'",
    ":amount::bigint",
    "'USD'",
    "timestamptz '2026-03-15+00'",
)
_TEXT, _BIGINT, _TIME = (postgres.types[name].oid for name in ("text", "bigint", "timestamptz"))
PARAMETER_TYPES = [_TEXT] * 9 + [_BIGINT, _TEXT, _TIME]
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
_TPS = re.compile(r"^tps = ([\d.]+) \(without", re.MULTILINE)
_PROGRESS = re.compile(r"^progress: [\d.]+ s, ([\d.]+) tps", re.MULTILINE)
PGBENCH_TIMEOUT_S = 60.0
READ_ROWS_MAX = 10


@dataclass(frozen=True)
class RowLockServer:
    """A tuned PostgreSQL of the rivals' own, with their tables and functions in it."""

    conninfo: str
    server: Child
    plans: list[str] = field(default_factory=list)

    def reset(self) -> None:
        """The same tables for each round: filled, analysed, and nothing left to write to disk."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            run(connection, "seed.sql", {"limit": LIMIT_MINOR})
            connection.execute("VACUUM ANALYZE card_authorization, budget_period, department_budget")
            connection.execute("CHECKPOINT")

    def check(self, decided: int | None = None) -> None:
        """What is held is what was approved, and as many are stored as were decided; or there is no figure.

        2 % of the requests are repeats and 5 % ask for too much: a rival that decides something else is none.
        """
        query = """
            SELECT (SELECT sum(held) FROM budget_period WHERE period = '2026-03')
                     = coalesce(sum(amount) FILTER (WHERE outcome = 'approved'), 0),
                   count(*), count(*) FILTER (WHERE outcome = 'declined')
            FROM card_authorization WHERE period = '2026-03'
        """
        with psycopg.connect(self.conninfo) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        agrees, stored, declined = row
        decided = decided or stored
        if not agrees or not 0.9 * decided <= stored <= decided or not 0.02 <= declined / stored <= 0.1:
            raise BenchFailed(
                f"row locks: held agrees: {agrees}; {decided} decided, {stored} stored, {declined} declined"
            )


@contextmanager
def server(folder: Path) -> Iterator[RowLockServer]:
    """The server with tables, functions, and plans that were looked at."""
    with servers.postgres(folder, servers.postgres_settings()) as (conninfo, child):
        with psycopg.connect(conninfo, autocommit=True) as connection:
            run(connection, "row_locks.sql")
            run(connection, "batches.sql")
        made = RowLockServer(conninfo, child)
        made.reset()
        made.plans.extend(indexed(conninfo))
        yield made


def contestants(server: RowLockServer, clients: Sequence[int], folder: Path) -> list[Contestant]:
    """Each variant at each number of clients."""
    scripts = {variant: _script(variant, folder) for variant in VARIANTS}
    return [
        Contestant(
            f"row locks, {variant}, {count} client{'s' if count > 1 else ''}",
            ROW_LOCKS,
            partial(_play, server, scripts[variant], count),
            "pgbench -M prepared, over loopback TCP; a transaction for each request",
        )
        for variant in VARIANTS
        for count in clients
    ]


def run(connection: psycopg.Connection[Any], name: str, values: Mapping[str, Any] | None = None) -> None:
    """Runs a file of `sql`, statement by statement where it has parameters."""
    text = (SQL / name).read_bytes()
    if values is None:
        connection.execute(text)
        return
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(text, values)


def _script(variant: str, folder: Path) -> Path:
    """pgbench's script: the request's numbers, then the variant's statement."""
    if variant == "function":
        text = f"SELECT (decide_request({', '.join(PARAMETERS)})).outcome;\n"
    else:
        text = statement()
        for number in range(len(PARAMETERS), 0, -1):
            text = text.replace(f"${number}", PARAMETERS[number - 1])
    path = folder / f"{variant}.pgbench"
    path.write_text((SQL / "request.pgbench").read_text(encoding="utf-8") + text, encoding="utf-8")
    return path


def statement() -> str:
    """The one-statement variant without its PREPARE."""
    return (SQL / "statement.sql").read_text(encoding="utf-8").partition(") AS\n")[2]


def prepare_both(connection: psycopg.Connection[Any]) -> None:
    """Prepares `statement` and `function` under these names; both take the same twelve parameters."""
    connection.execute("SET plan_cache_mode = force_generic_plan")
    function = f"SELECT * FROM decide_request({', '.join(f'${n}' for n in range(1, 13))})"
    for name, text in (("statement", statement().strip().rstrip(";")), ("function", function)):
        told = connection.pgconn.prepare(name.encode(), text.encode(), PARAMETER_TYPES)
        if told.status != pq.ExecStatus.COMMAND_OK:
            raise BenchFailed(f"{name}: {told.error_message.decode()}")


def _play(server: RowLockServer, script: Path, clients: int, durability: Durability, for_s: float) -> Round:
    server.reset()
    where = conninfo_to_dict(server.conninfo)
    threads = min(clients, psutil.cpu_count() or 1)
    seconds = max(1, round(for_s))  # pgbench knows whole ones
    command: list[str | Path] = [
        program_folder() / "pgbench",
        "-n",
        "-M",
        "prepared",
        "-f",
        script,
        "-D",
        "n=0",
        "-P",
        "1",
    ]
    command += ["-c", str(clients), "-j", str(threads), "-T", str(seconds)]
    synced = "off" if durability == "memory" else "on"
    options = f"-c synchronous_commit={synced} -c plan_cache_mode=force_generic_plan"
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "PGHOST": str(where["host"]),
        "PGPORT": str(where["port"]),
        "PGUSER": str(where["user"]),
        "PGPASSWORD": str(where["password"]),
        "PGDATABASE": str(where["dbname"]),
        "PGSSLMODE": "disable",
        "PGOPTIONS": options,
    }
    meter, before_s = TreeMeter({"PostgreSQL": server.server.pid}), reaped_s()
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=PGBENCH_TIMEOUT_S + seconds, check=False
    )
    wait_gone(server.server.pid, "127.0.0.1(")
    spent = meter.spent({"client": reaped_s() - before_s})
    decided, tps, slices = read_pgbench(done.stdout, done.stderr, seconds)
    server.check(decided)
    return Round(
        decisions=decided,
        seconds=decided / tps,
        slices=slices,
        cpu_us=spent.each_us(decided),
        others=spent.others,
    )


def read_pgbench(out: str, err: str, seconds: int) -> tuple[int, float, list[int]]:
    """What pgbench printed: transactions, their rate once connected, and those of each second.

    Raises:
        BenchFailed: it did not end as it should, or a transaction failed.
    """
    done, tps, failed = _DONE.search(out), _TPS.search(out), _FAILED.search(out)
    if done is None or tps is None or (failed and int(failed[1])) or not int(done[1]):
        raise BenchFailed(f"pgbench failed:\n{(err or out).strip()[-2000:]}")
    total = int(done[1])
    each = [round(float(rate)) for rate in _PROGRESS.findall(err)][: seconds - 1]
    return total, float(tps[1]), [*each, total - sum(each)] if sum(each) < total else [total]


def indexed(conninfo: str) -> list[str]:
    """Runs every variant with EXPLAIN ANALYZE on each statement in it; returns how the tables are read.

    That an index is named is not enough: one may be read from end to end for one row of it. All that these
    variants look up has a unique key, so a look-up comes upon one row, or the few months of a department.

    Raises:
        BenchFailed: a plan reads more, or none was seen.
    """
    plans: list[str] = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.add_notice_handler(lambda told: plans.append(told.message_primary or ""))
        run(connection, "statement.sql")
        run(connection, "explained.sql")
    found = [read for plan in plans for read in _reads(plan)]
    wasteful = sorted({str(read) for read in found if read.rows > READ_ROWS_MAX or "Index" not in read.by})
    if wasteful or not found:
        raise BenchFailed(f"the rival's plans read more than they look up: {wasteful or 'no plan was seen'}")
    return sorted({f"{read.by} of {read.table} by {read.key}" for read in found})


class PlanRead(NamedTuple):
    """A node of a plan that reads a table. `rows`: what it came upon each time, filtered out or not."""

    by: str
    table: str
    key: str | None
    rows: float


def _reads(message: str) -> list[PlanRead]:
    """Those of the plan that a notice of auto_explain holds."""
    start = message.find("{")
    if start < 0:
        return []
    found: list[PlanRead] = []
    waiting: list[dict[str, Any]] = [msgspec.json.decode(message[start:])["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if node.get("Relation Name") in TABLES and "Scan" in node["Node Type"]:
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            found.append(PlanRead(node["Node Type"], node["Relation Name"], node.get("Index Name"), rows))
    return found
