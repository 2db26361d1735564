"""From the decision log to what people read: the ledger in PostgreSQL, status and live feed in Redis.

One direction only: nothing here decides, and everything written here can be made again from the log.
"""
