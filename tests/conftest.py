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
#: Folders whose files take long; longest first.
LONGEST_FIRST = (
    "histories",
    "demo",
    "streams",
    "api",
    "sinks",
    "infra",
    "verify",
    "stories",
    "browser",
    "simulation",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that several processes end at about the same time."""
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(order)))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Kafka, PostgreSQL and Valkey for the whole run.

    Use names of your own in them. A test that stops or kills a service starts its own `infra.stack.Stack`.
    """
    with chosen_stack(tmp_path_factory.mktemp("stack")) as endpoints:
        yield endpoints
