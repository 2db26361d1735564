"""PostgreSQL as all sinks use it: a connection with a role, its errors, and the places of the sinks."""

from sinks.postgres.connection import PostgresSession, Refused
from sinks.postgres.positions import MOVE_PLACES, moves_of, read_places, require_moved

__all__ = ["MOVE_PLACES", "PostgresSession", "Refused", "moves_of", "read_places", "require_moved"]
