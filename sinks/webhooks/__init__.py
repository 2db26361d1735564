"""Webhooks: decisions become deliveries in PostgreSQL (`sink`), and jobs send them (`sender`).

The sink writes deliveries and its place in the log in one transaction, so each is queued once; sending is at
least once, and the id of an event is that of its place in the log, so a receiver knows what it had before.
"""
