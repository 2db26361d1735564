"""What every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from infra.stack import Endpoints
from tests.patience import API_PATIENCE
from tests.stacks import chosen_stack

# A busy machine is no counterexample: timings decide no test.
hypothesis.settings.register_profile(
    "spendlog", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("spendlog")
# As it comes it draws every frame of an exception with its code and locals: a second of processor time each.
_PLAIN = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _PLAIN])

# Every API of the tests, in this process or another, unless a test says otherwise.
os.environ["SPENDLOG_API_PATIENCE"] = str(API_PATIENCE)

TESTS = Path(__file__).parent
#: Folders whose files take long; longest first.
LONGEST_FIRST = (
    "browser",
    "histories",
    "demo",
    "streams",
    "api",
    "sinks",
    "infra",
    "verify",
    "stories",
    "simulation",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that several processes end at about the same time."""
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(order)))


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """A file is the work of one process, and so is all of tests/browser.

    Its services, its company with a month of purchases and its Chromium take 11 s of processor time to start,
    which three processes would spend three times.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "tests/browser" if nodeid.startswith("tests/browser/") else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Kafka, PostgreSQL and Valkey for the whole run.

    Use names of your own in them. A test that stops or kills a service starts its own `infra.stack.Stack`.
    """
    with chosen_stack(tmp_path_factory.mktemp("stack")) as endpoints:
        yield endpoints
