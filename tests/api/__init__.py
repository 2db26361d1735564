"""The API against real Kafka, PostgreSQL and Redis; only the worker is a stand-in (stand_in.py)."""
