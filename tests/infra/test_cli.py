"""The command line's root: quick help, one-line errors, tracebacks for defects."""

import subprocess
import sys
from importlib.metadata import version

from tests.infra.support import environment, spendlog

HEAVY = ("confluent_kafka", "psycopg", "redis", "faust", "fastapi", "river", "numpy", "pydantic_settings")


def test_help_lists_the_commands_and_imports_none_of_them() -> None:
    program = (
        "import sys\nsys.argv = ['spendlog', '--help']\nfrom infra.cli import app\n"
        "try: app()\nexcept SystemExit: pass\n"
        f"print('imported', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "The embedded Kafka, PostgreSQL and Valkey" in done.stdout
    assert done.stdout.rstrip().endswith("imported []")


def test_it_says_its_version() -> None:
    done = spendlog("--version")
    assert done.returncode == 0
    assert done.stdout == f"spendlog {version('spendlog')}\n"


def test_a_misspelt_command_is_answered_with_the_right_one() -> None:
    done = spendlog("stak")
    assert done.returncode == 2
    assert "Did you mean 'stack'" in done.stderr


def test_a_wrong_setting_is_one_line_on_standard_error() -> None:
    done = spendlog("stack", "status", env={"SPENDLOG_REDIS": "nonsense"})
    assert done.returncode == 1
    assert done.stderr == "error: setting SPENDLOG_REDIS is wrong: must be a redis:// URL with a host\n"
    assert done.stdout == ""


def test_a_defect_keeps_its_traceback() -> None:
    program = (
        "import sys, infra.cli, infra.commands.stack as stack\n"
        "stack.load_settings = lambda: 1 / 0\n"
        "sys.argv = ['spendlog', 'stack', 'status']\ninfra.cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr
