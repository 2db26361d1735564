"""Whose fault it is, and so what happens next."""

from __future__ import annotations


class SinkError(Exception):
    """The sink cannot go on as it was; the message says why."""


class PartitionBroken(SinkError):
    """Ours: the log or the tables are not what they must be. The partition stops; nothing is skipped.

    `partition`: which, where that is known; else it is one of those that were at hand.
    """

    def __init__(self, message: str, partition: int | None = None) -> None:
        super().__init__(message)
        self.partition = partition


class PositionMoved(SinkError):
    """Another owner wrote, or the store was emptied: what is in hand is dropped and read again."""


class Unavailable(SinkError):
    """A service does not answer, or asked to try again: wait, then read again from what it holds."""
