"""The only place of this room that knows psycopg: a connection, its errors, the ledger's statements."""

from sinks.ledger.postgres.batch import Batch, CarefulBatch, contradiction, read_places
from sinks.ledger.postgres.connection import PostgresSession, Refused

__all__ = ["Batch", "CarefulBatch", "PostgresSession", "Refused", "contradiction", "read_places"]
