"""What every test may use."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from infra.stack import Endpoints
from tests.stacks import chosen_stack

# A busy machine is no counterexample: timings decide no test.
hypothesis.settings.register_profile(
    "spendlog", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("spendlog")

TESTS = Path(__file__).parent
#: Folders that share topics and databases, and those that take long; longest first.
LONGEST_FIRST = ("histories", "api", "sinks", "streams", "infra", "demo", "verify", "stories", "simulation")
SHARED = {
    "api",
    "sinks",
    "streams",
    "infra",
    "demo",
    "verify",
    "stories",
    "docs",
    "hostile",
    "browser",
    "questions",
    "jobs",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes, each with services of its own: what shares them runs in one, the rest anywhere.

    The longest begin first, so that the processes end at about the same time.
    """
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}

    def room(item: pytest.Item) -> str:
        return item.path.relative_to(TESTS).parts[0]

    def together(item: pytest.Item) -> str:
        if (place := room(item)) in SHARED:
            return place
        return item.nodeid if place == "histories" else str(item.path)  # a history takes up to half a minute

    for item in items:
        item.add_marker(pytest.mark.xdist_group(together(item)))
    items.sort(key=lambda item: order.get(room(item), len(order)))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Kafka, PostgreSQL and Valkey for the whole run.

    Use names of your own in them. A test that stops or kills a service starts its own `infra.stack.Stack`.
    """
    with chosen_stack(tmp_path_factory.mktemp("stack")) as endpoints:
        yield endpoints
