"""What the views hold: PostgreSQL and Redis, read at or after a log position."""
