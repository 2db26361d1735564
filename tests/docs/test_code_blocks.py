"""Every code block of the documents, as it stands, in order, in a shell that knows nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import requests

from infra.stack import running_stack
from infra.stack.tcp_ports import free_port
from infra.stack_settings import load_settings
from infra.stories import read_stories
from infra.stories.run import in_core
from tests.docs.blocks import PAGES, ROOT, Block, blocks, blocks_of
from tests.docs.settings_table import PAGE as OPERATIONS
from tests.docs.settings_table import table, written

TIMEOUT_S = 180  # far above what a slow machine takes
SHOWN_S = 60
KNOWN = {"sh", "sh services", "text", "story", "python", "sql", "json"}
# Not run here, each with the reason. Everything else is.
ELSEWHERE = {
    "make demo": "builds .venv; the same words run in tests/demo and as `make test` itself",
    "make test": "is what runs this",
    "if value.startswith(b'{": "needs records; tests/verify/test_void_records runs it over some",
    "spendlog import check cards.csv": "needs the reader's own export; tests/imports checks many",
    "from standardwebhooks": "tests/docs/test_webhooks_page.py calls it",
    "spendlog demo --file": "needs the reader's own export; tests/demo plays the shipped mapping",
}
TOUR = ROOT / "docs" / "tour.md"
API = ROOT / "docs" / "api.md"  # played where the tour has everything running
CLIENT = ROOT / "docs" / "client.md"  # and this after it
IN_BACKGROUND = "make run"
_KEEPING = 'source .state; trap "export -p > .state" EXIT; set -euo pipefail'
CURRENT = re.compile(r"\b\d{4}-\d{2}\b")


def elsewhere(block: Block) -> bool:
    return block.text.startswith(tuple(ELSEWHERE))


@dataclass
class Shell:
    """Runs blocks one after the other as one terminal would: what is exported stays."""

    folder: Path
    env: dict[str, str]

    def run(self, block: Block, text: str | None = None, command: str = 'source "$1"') -> str:
        """What it prints on standard output. Fails on any line's status other than 0."""
        script, state = self.folder / "block.sh", self.folder / ".state"
        script.write_text(text or block.text)
        state.touch()
        done = subprocess.run(
            ["bash", "-c", f"{_KEEPING}; {command}", "bash", script],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh clone's folder after `make`, and a user without any setting."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("infra", "tests", "schemas", "Makefile"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (tmp_path / "home").mkdir()
    settings = load_settings()
    env = {"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    # The jars are fetched once for all tests.
    return Shell(folder, env | {"SPENDLOG_CACHE": str(settings.cache), "SPENDLOG_MAVEN": settings.maven})


@contextmanager
def process(shell: Shell, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the foreground of another terminal; ended as by Ctrl-C."""
    log = shell.folder / f"{'-'.join(Path(str(part)).name for part in command)[:60]}.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            list(map(str, command)),
            cwd=shell.folder,
            env=shell.env,
            stdout=out,
            stderr=out,
            start_new_session=True,
        ) as running,
    ):
        try:
            yield running
        finally:
            running.send_signal(signal.SIGINT)
            try:
                running.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                raise


def wait_for(what: str, holds: Callable[[], object], running: subprocess.Popen[bytes] | None = None) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline_s, f"{what}: not within {TIMEOUT_S} s"
        assert running is None or running.poll() is None, f"{what}: it has ended"
        time.sleep(0.1)


def same_words(text: str) -> list[str]:
    """Spaces, and which month it is, may differ from day to day; nothing else."""
    return CURRENT.sub("MONTH", text).split()


def holds(answered: object, documented: object) -> bool:
    """Whether all that is documented was answered; a document may leave members out."""
    if isinstance(documented, dict):
        return isinstance(answered, dict) and all(
            holds(answered.get(name), value) for name, value in documented.items()
        )
    if isinstance(documented, list):
        return (
            isinstance(answered, list)
            and len(answered) == len(documented)
            and all(map(holds, answered, documented))
        )
    if isinstance(documented, str):
        return isinstance(answered, str) and same_words(answered) == same_words(documented)
    return answered == documented


def until_shown(shell: Shell, block: Block, documented: Block) -> None:
    """The ledger follows the answers within milliseconds, not before them: asked again for a while."""
    deadline_s = time.monotonic() + SHOWN_S
    while same_words(said := shell.run(block)) != same_words(documented.text):
        assert time.monotonic() < deadline_s, (
            f"{block} prints\n{said}and {documented} shows\n{documented.text}"
        )


def test_every_block_has_a_language_that_is_checked() -> None:
    assert len(PAGES) > 10
    for block in blocks():
        assert block.info in KNOWN, (
            f"{block}: {block.info or 'no language'}; one of {', '.join(sorted(KNOWN))}"
        )
        assert block.text.strip(), f"{block}: empty"
        if block.info.startswith("sh") or block.info == "python":
            assert elsewhere(block) or block.page in (
                "docs/tour.md",
                "docs/api.md",
                "docs/client.md",
                "CONTRIBUTING.md",
                "docs/operations.md",
            ), f"{block}: nothing runs it"
        if block.info == "json":
            json.loads(block.text)
        if block.info == "sql":
            assert block.page == "docs/ledger.md", f"{block}: tests/sinks/test_docs.py does not run it"
    for start, why in ELSEWHERE.items():
        assert why
        assert any(block.text.startswith(start) for block in blocks()), f"{start}: in no document any more"


@pytest.mark.parametrize("block", [one for one in blocks() if one.info == "story"], ids=str)
def test_a_story_goes_as_it_is_told(block: Block, tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text(block.text)
    for played in map(in_core, read_stories([tmp_path])):
        assert played.decisions
        assert played.ok, played.different


def test_the_make_targets_that_are_named_are_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = {
        name for page in PAGES for name in re.findall(r"^make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert named
    assert named <= set(targets)
    assert "run: $(STAMP)" in (ROOT / "Makefile").read_text()
    assert "@$(BIN)/spendlog run" in (ROOT / "Makefile").read_text()


def test_the_readme_shows_an_answer_of_the_tour() -> None:
    (shown,) = (block for block in blocks_of(ROOT / "README.md") if block.info == "json")
    assert shown.text in {block.text for block in blocks_of(TOUR) if block.info == "json"}


def test_an_answer_must_hold_what_is_documented() -> None:
    assert holds({"a": [{"minor": 1, "at": "2026-12-01"}], "b": None}, {"a": [{"at": "2027-01-01"}]})
    assert not holds({"a": {"minor": 1}}, {"a": {"minor": 2}})
    assert not holds({"a": [1]}, {"a": [1, 2]})
    assert not holds({}, {"a": "some"})


@pytest.mark.timeout(6 * TIMEOUT_S)
def test_the_tour_word_by_word(shell: Shell) -> None:
    found = [*blocks_of(TOUR), *blocks_of(API), *blocks_of(CLIENT)]
    with ExitStack() as terminals:
        for block, after in zip(found, [*found[1:], None], strict=True):
            if block.info == "python":
                said = shell.run(block, command='python "$1"')
                assert after is not None and said == after.text, f"{block} prints\n{said}not as {after} shows"
            if block.info != "sh" or elsewhere(block):
                continue
            if block.text.startswith(IN_BACKGROUND):
                running = terminals.enter_context(process(shell, shell.folder / ".venv/bin/spendlog", "run"))
                wait_for("spendlog run", (shell.folder / ".spendlog" / "env").exists, running)
                shell.env["PATH"] = "/usr/bin:/bin"
                (shell.folder / ".state").unlink(missing_ok=True)  # another terminal
            elif after is not None and after.info == "text":
                until_shown(shell, block, after)
            elif after is not None and after.info == "json":
                said = json.loads(shell.run(block))
                assert holds(said, json.loads(after.text)), f"{block} answers\n{said}\nnot as {after} shows"
            else:
                assert shell.run(block).strip(), f"{block}: says nothing"
        assert not (ROOT / "policy.json").exists()
    assert not (shell.folder / ".spendlog" / "env").exists(), "the key file outlives what it names"


@pytest.mark.faults  # 26 s, 15 of them for two looks at the dead letters: too long for every run
@pytest.mark.timeout(5 * TIMEOUT_S)
def test_the_parts_start_one_by_one_as_operations_says(shell: Shell, tmp_path: Path) -> None:
    port = free_port(set())
    services: list[subprocess.Popen[bytes]] = []
    binary = Path(sys.prefix) / "bin"
    shell.env["PATH"] = f"{binary}:/usr/bin:/bin"
    with running_stack(tmp_path / "stack") as endpoints, ExitStack() as terminals:
        shell.env |= endpoints.environment()
        for block in blocks_of(OPERATIONS):
            text = block.text.replace("8080", str(port))
            if block.info == "sh services":
                for line in text.splitlines():
                    command = process(shell, binary / "spendlog", *line.split()[1:])
                    services.append(terminals.enter_context(command))
                wait_for("readyz", lambda: ready(port))
            elif block.info == "python":
                shell.run(block, command='python "$1"')
                wait_for(
                    "the producer's event is decided", lambda: decided(endpoints.postgres, "till-7-0001")
                )
            elif block.info == "sh":
                shell.run(block, text)
        for service in services:  # all at once, which is faster than one after the other
            assert service.poll() is None, service.args
            service.send_signal(signal.SIGINT)


def ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


def decided(postgres: str, authorization_id: str) -> bool:
    asked = "SELECT status FROM card_authorization WHERE authorization_id = %s"
    with psycopg.connect(postgres) as connection:
        row = connection.execute(asked, (authorization_id,)).fetchone()
    return row is not None and row[0] == "approved"


def test_operations_lists_every_setting() -> None:
    page = OPERATIONS.read_text(encoding="utf-8")
    assert written(page) == table(), "run python -m tests.docs.settings_table"
