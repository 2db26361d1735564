"""A database and a Redis of its own for each test, as the sinks' tests have them."""

from tests.sinks.conftest import database, redis_url

__all__ = ["database", "redis_url"]
