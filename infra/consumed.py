"""What a consumed message says, in the types that it surely has; the client's own are wider."""

from __future__ import annotations

from confluent_kafka import Message


def bytes_of(part: str | bytes | None) -> bytes | None:
    """A message's key or value."""
    return part.encode() if isinstance(part, str) else part


def offset_of(message: Message) -> int:
    """Where a message lies."""
    return message.offset()  # type: ignore[return-value]  # every consumed message has one


def partition_of(message: Message) -> int:
    """In which partition."""
    return message.partition()  # type: ignore[return-value]  # every consumed message has one
