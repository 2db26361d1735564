"""Decisions to Redis: the status cache and the live feed."""
