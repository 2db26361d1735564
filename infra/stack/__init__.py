"""Apache Kafka, PostgreSQL and Valkey from PyPI-installed parts: no Docker, nothing mocked.

with running_stack(Path(".spendlog")) as endpoints:
    print(endpoints.kafka, endpoints.postgres, endpoints.redis)
"""

from infra.stack.endpoints import Endpoints, StackError
from infra.stack.stack import Stack, StackOptions, running_stack

__all__ = ["Endpoints", "Stack", "StackError", "StackOptions", "running_stack"]
