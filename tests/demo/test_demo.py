"""The demo as a person starts it: a process of its own, from nothing to its summary."""

from __future__ import annotations

import csv
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from infra.demo.story import BOBS_SENTENCE
from tests.imports.exports import MAPPING, line, write
from tests.infra.support import environment

TIMEOUT_S = 150
REAL_DATA = Path(__file__).parents[3] / "shared" / "data" / "birmingham-purchase-cards-2018-19.csv.gz"
SHIPPED = Path(__file__).parents[2] / "infra" / "demo" / "mappings" / "birmingham.toml"


@dataclass
class Demo:
    """A running demo and every process that was ever seen below it."""

    process: subprocess.Popen[bytes]
    terminal: int
    text: str = ""
    family: set[psutil.Process] = field(default_factory=set)

    def read_until(self, words: str | None) -> str:
        """Reads its output until `words` appear, or with None until it ends; returns all of it so far."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while words is None or words not in self.text:
            assert time.monotonic() < deadline_s, self.text
            self._look_around()
            if not select.select([self.terminal], [], [], 0.2)[0]:
                if self.process.poll() is not None:
                    break
                continue
            try:
                found = os.read(self.terminal, 65_536)
            except OSError:  # the other end of a pseudo-terminal is closed
                break
            if not found:
                break
            self.text += found.decode(errors="replace")
        return self.text

    def _look_around(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    def end(self) -> int:
        self.read_until(None)
        return self.process.wait(TIMEOUT_S)

    def left(self) -> list[str]:
        """Command lines of processes that still live."""
        _, alive = psutil.wait_procs(self.family, timeout=60)
        return [" ".join(process.cmdline()) for process in alive if process.status() != psutil.STATUS_ZOMBIE]

    def worker(self) -> psutil.Process:
        """Faust's own process."""
        (found,) = [one for one in self.family if one.is_running() and "streams" in one.cmdline()]
        return found


@contextmanager
def demo(data: Path, *arguments: str | Path, terminal: bool = False) -> Iterator[Demo]:
    """`spendlog demo`, its output to a pipe or to a pseudo-terminal. Nothing of it stays after the block."""
    mine, its = pty.openpty() if terminal else os.pipe()
    command = [sys.executable, "-m", "infra.cli", "demo", "--data", str(data), *map(str, arguments)]
    process = subprocess.Popen(
        command, env=environment({"TERM": "xterm"}), stdin=subprocess.DEVNULL, stdout=its, stderr=its
    )
    os.close(its)
    running = Demo(process, mine)
    try:
        yield running
    finally:
        os.close(mine)
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        for child in running.family:
            if child.is_running():
                child.kill()


def run(data: Path, *arguments: str | Path) -> tuple[int, str, Sequence[str]]:
    """Exit status, output, and what was left running."""
    with demo(data, *arguments) as running:
        status = running.end()
        assert running.family, "nothing was started"
        return status, running.text, running.left()


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_the_demo_ends_with_status_0_and_leaves_nothing_running(tmp_path: Path) -> None:
    status, said, left = run(tmp_path / "data", "--exit", "--events", "800")
    assert status == 0, said
    assert left == []
    assert re.search(rf"^ +{re.escape(BOBS_SENTENCE)}$", said, re.MULTILINE), said
    for words in (
        "alice@techcorp.com asks for $6,000.00",
        "replayed, nothing moved",
        "422 idempotency_key_reused",
        "✓ each event is decided as the generator's own sums say 800 events",
        "✓ after labels came, a model catches more of the month's misuse than before",
        "✓ every currency and layer sums to zero (SQL)",
        "✓ no approval took a department above its budget (SQL)",
        "✓ the log and the books agree (verify) 1,914 decisions",
        "✓ the log comes out the same when it is decided and scored again (replay) 1,914 decisions",
        "all checks hold",
    ):
        assert words in said, said
    assert "✗" not in said


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_a_worker_that_is_killed_in_the_middle_loses_nothing_and_decides_nothing_twice(
    tmp_path: Path,
) -> None:
    with demo(tmp_path / "data", "--exit", "--events", "4000") as running:
        running.read_until("as fast as it goes")  # the paced events follow, for 4 s
        time.sleep(1)
        victim = running.worker()
        victim.kill()
        assert running.end() == 0, running.text
        assert running.left() == []
        log = (tmp_path / "data" / "logs" / "worker.log").read_text()
    assert "signal SIGKILL ended it" in log
    assert log.count("partition_taken_over") == 8
    assert "✓ each event is decided as the generator's own sums say 4,000 events" in running.text
    assert "✓ the log and the books agree (verify) 5,114 decisions" in running.text
    assert "decided and scored again (replay) 5,114 decisions" in running.text


def in_a_fresh_shell(commands: str) -> str:
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], env=env, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_on_a_terminal_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    with demo(tmp_path / "data", "--events", "50", terminal=True) as running:
        said = running.read_until("Ctrl-C ends everything")
        pasted = said.replace("\r", "").partition("In another terminal:\n")[2].partition("\npsql ")[0]
        assert '"outcome":"approved"' in (answer := in_a_fresh_shell(pasted)), answer
        assert "50,000.00 USD" in answer
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0, running.text
        assert running.left() == []


@pytest.mark.timeout(TIMEOUT_S + 60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_in_the_middle_it_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    with demo(tmp_path / "data", "--exit") as running:
        running.read_until("✓ tables")
        running.process.send_signal(number)
        assert running.end() != 0
        assert running.left() == []


BAD_ROWS = (
    (line("b1", department=""), "department is missing"),
    (line("b2", amount="twelve"), "amount 'twelve' is not a number"),
    (line("b3", time="yesterday"), "time 'yesterday' is not a date (iso)"),
    (line("b4", currency="GBX"), "'GBX' is not a currency code of ISO 4217"),
    (line("g0"), "row id g0 is on line 2 already"),
    ("b5,Housing", 'it has 2 fields, the header 9; [file] ragged = "fill" takes missing ones as empty'),
)


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_every_row_of_an_export_is_decided_or_listed(tmp_path: Path) -> None:
    # January spends 40 x 12.50 = 500.00, so February may spend 500.00 x 1.0 and asks for 600.00.
    january = [
        line(f"g{n}", time=f"2019-01-{n % 28 + 1:02d} 10:00:00", posted="2019-02-02") for n in range(40)
    ]
    february = [line(f"f{n}", amount="30.00", time=f"2019-02-{n + 1:02d} 10:00:00") for n in range(20)]
    refund = line("back", amount="-5.00", time="2019-01-30 10:00:00")
    dollars = line("usd", currency="USD", time="2019-02-20 09:00:00")
    path = write(
        tmp_path, *january, *february, refund, dollars, *(bad for bad, _ in BAD_ROWS), name="cards.csv.gz"
    )
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    rejects = tmp_path / "rejects.csv"
    status, said, left = run(
        *(tmp_path / "data", "--exit", "--file", path, "--mapping", mapping),
        *("--budget-factor", "1", "--reject-file", rejects),
    )
    assert status == 0, said
    assert left == []
    assert "68 rows = 61 decided + 0 refused + 7 unusable" in said
    # 16 x 30.00 = 480.00 fit into 500.00, the other four do not.
    assert re.search(r"Housing +60 +4 +6.7% +£120.00", said), said
    assert (
        "✓ only approved requests were cleared, and every clearing was taken or is listed 56 clearings"
        in said
    )
    with rejects.open(newline="") as file:
        listed = list(csv.DictReader(file))
    expected = {str(64 + n): reason for n, (_, reason) in enumerate(BAD_ROWS)}
    expected["63"] = "currency USD: the budget of Housing is in GBP ([budget_currency] may say another)"
    assert {row["line"]: row["reason"] for row in listed} == expected
    assert listed[0]["id"] == "usd"


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_clearings_that_are_refused_are_listed_and_refunds_find_their_purchase(tmp_path: Path) -> None:
    today = datetime.now(UTC)
    earlier, ahead = today - timedelta(days=3), today + timedelta(days=5)
    path = write(
        tmp_path,
        line("p", time="2019-01-07 09:00:00", posted="2019-01-09"),
        line("back", amount="-12.50", time="2019-01-20 09:00:00"),
        line("alone", amount="-7.00", time="2019-01-20 09:00:00"),
        line("held", amount="10.00", time=f"{earlier:%F}", posted=f"{ahead:%F}"),
        line("future", time=f"{ahead:%F}"),
        line("only-future", department="Nord", time=f"{ahead:%F}"),
        # What is no event must not take its department's policy with it.
        line("epoch", department="East", time="1970-01-01"),
        line("y2k", department="East", time="2000-01-01 12:00:00", amount="9999999.00"),
    )
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.replace("Europe/London", "Asia/Tokyo"))
    rejects = tmp_path / "rejects.csv"
    status, said, left = run(
        *(tmp_path / "data", "--exit", "--file", path, "--mapping", mapping, "--reject-file", rejects)
    )
    assert status == 0, said
    assert left == []
    assert "8 rows = 5 decided + 2 refused + 1 unusable" in said
    assert re.search(r"East +1 +0 +0.0%", said), said
    assert "still held for Housing: £10.00, whose clearings were refused" in said
    assert "refunds: 1 linked to their purchase, 1 not: no purchase of this amount fits" in said
    with rejects.open(newline="") as file:
        listed = {row["line"]: row["reason"] for row in csv.DictReader(file)}
    assert set(listed) == {"5", "6", "7", "8"}
    assert listed["5"].startswith("approved and held, its clearing was refused: ")


@pytest.mark.timeout(TIMEOUT_S + 60)
@pytest.mark.skipif(not REAL_DATA.exists(), reason=f"{REAL_DATA.name} is not beside the repository")
def test_a_real_export_runs_through(tmp_path: Path) -> None:
    status, said, left = run(
        *(tmp_path / "data", "--exit", "--file", REAL_DATA, "--mapping", SHIPPED, "--limit-rows", "4000")
    )
    assert status == 0, said
    assert left == []
    assert "4,000 rows = 4,000 decided + 0 refused + 0 unusable" in said
