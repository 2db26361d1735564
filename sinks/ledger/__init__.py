"""Decisions to PostgreSQL: bookings, and the read models of what people set."""
