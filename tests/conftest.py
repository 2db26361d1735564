"""What every test may use."""

from collections.abc import Iterator

import pytest

from infra.stack import Endpoints
from tests.stacks import chosen_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Kafka, PostgreSQL and Valkey for the whole run.

    Use names of your own in them. A test that stops or kills a service starts its own `infra.stack.Stack`.
    """
    with chosen_stack(tmp_path_factory.mktemp("stack")) as endpoints:
        yield endpoints
