"""Apache Kafka, PostgreSQL and Valkey from PyPI-installed parts: no Docker, nothing mocked.

with running_stack(Path(".spendlog")) as endpoints:
    print(endpoints.kafka, endpoints.postgres, endpoints.redis)
"""

from infra.stack.endpoints import Endpoints, StackError
from infra.stack.stack import Options, Stack, running_stack

__all__ = ["Endpoints", "Options", "Stack", "StackError", "running_stack"]
