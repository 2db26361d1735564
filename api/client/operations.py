"""Operations that stand once and can be called by both clients: the owner's kind decides who waits.

`client.cards.create(...)` gives the body of the answer, and on the async client a coroutine of it;
`client.cards.create.answer(...)` its status and headers, too. A list is an iterator of rows over all its
pages; `.page(...)` gives one page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from api.client.call import ApiAnswer, Call

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row")


class CallSender(ABC):
    """Sends calls, and waits."""

    @abstractmethod
    def answer(self, call: Call[T]) -> ApiAnswer[T]:
        """Raises ClientError."""


class AsyncCallSender(ABC):
    """Sends calls in an event loop."""

    @abstractmethod
    async def answer(self, call: Call[T]) -> ApiAnswer[T]:
        """Raises ClientError."""


S = TypeVar("S", bound=CallSender | AsyncCallSender, covariant=True)


class Resource(Generic[S]):
    """The operations on one noun."""

    def __init__(self, sender: S) -> None:
        self._sender = sender


class BoundOperation(Generic[P, T]):
    """An operation of `Client`."""

    def __init__(self, sender: CallSender, build: Callable[P, Call[T]]) -> None:
        self._sender = sender
        self._build = build

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The body of its answer. Raises ClientError."""
        return self._sender.answer(self._build(*args, **kwargs)).body

    def answer(self, *args: P.args, **kwargs: P.kwargs) -> ApiAnswer[T]:
        """The answer with its headers. Raises ClientError."""
        return self._sender.answer(self._build(*args, **kwargs))

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """What would be sent, for `Client.download`."""
        return self._build(*args, **kwargs)


class AsyncBoundOperation(Generic[P, T]):
    """An operation of `AsyncClient`."""

    def __init__(self, sender: AsyncCallSender, build: Callable[P, Call[T]]) -> None:
        self._sender = sender
        self._build = build

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """The body of its answer. Raises ClientError."""
        return (await self._sender.answer(self._build(*args, **kwargs))).body

    async def answer(self, *args: P.args, **kwargs: P.kwargs) -> ApiAnswer[T]:
        """The answer with its headers. Raises ClientError."""
        return await self._sender.answer(self._build(*args, **kwargs))


class operation(Generic[P, T]):
    """Makes a method that builds a call into one that sends it."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, of: Resource[CallSender], owner: Any = None) -> BoundOperation[P, T]: ...
    @overload
    def __get__(self, of: Resource[AsyncCallSender], owner: Any = None) -> AsyncBoundOperation[P, T]: ...
    def __get__(self, of: Any, owner: Any = None) -> Any:
        if of is None:  # documentation looks at it on the class
            return self
        build = self._build.__get__(of)
        kind: Any = AsyncBoundOperation if isinstance(of._sender, AsyncCallSender) else BoundOperation
        return kind(of._sender, build)


class BoundList(Generic[P, T, Row]):
    """A list of `Client`."""

    def __init__(self, sender: CallSender, build: Callable[P, Call[T]], rows: str) -> None:
        self._sender = sender
        self._build = build
        self._rows = rows

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Row]:
        """Every row, page after page as they are needed: none twice and none left out while rows come in."""
        call: Call[T] | None = self._build(*args, **kwargs)
        while call is not None:
            page = self._sender.answer(call).body
            yield from getattr(page, self._rows)
            call = _following(call, page)

    def page(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """One page; its `next` is `after` of the one that follows. Raises ClientError."""
        return self._sender.answer(self._build(*args, **kwargs)).body

    def answer(self, *args: P.args, **kwargs: P.kwargs) -> ApiAnswer[T]:
        """One page with its headers. Raises ClientError."""
        return self._sender.answer(self._build(*args, **kwargs))


class AsyncBoundList(Generic[P, T, Row]):
    """A list of `AsyncClient`."""

    def __init__(self, sender: AsyncCallSender, build: Callable[P, Call[T]], rows: str) -> None:
        self._sender = sender
        self._build = build
        self._rows = rows

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Row]:
        """Every row, page after page as they are needed: none twice and none left out while rows come in."""
        call: Call[T] | None = self._build(*args, **kwargs)
        while call is not None:
            page = (await self._sender.answer(call)).body
            for row in getattr(page, self._rows):
                yield row
            call = _following(call, page)

    async def page(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """One page; its `next` is `after` of the one that follows. Raises ClientError."""
        return (await self._sender.answer(self._build(*args, **kwargs))).body

    async def answer(self, *args: P.args, **kwargs: P.kwargs) -> ApiAnswer[T]:
        """One page with its headers. Raises ClientError."""
        return await self._sender.answer(self._build(*args, **kwargs))


class listing(Generic[P, T, Row]):
    """The same for a list, whose rows are the member `rows` of a page."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]], rows: str, row: type[Row]) -> None:
        self._build = build
        self._rows = rows
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, of: Resource[CallSender], owner: Any = None) -> BoundList[P, T, Row]: ...
    @overload
    def __get__(self, of: Resource[AsyncCallSender], owner: Any = None) -> AsyncBoundList[P, T, Row]: ...
    def __get__(self, of: Any, owner: Any = None) -> Any:
        if of is None:
            return self
        kind: Any = AsyncBoundList if isinstance(of._sender, AsyncCallSender) else BoundList
        return kind(of._sender, self._build.__get__(of), self._rows)


def _following(call: Call[T], page: Any) -> Call[T] | None:
    if page.next is None:
        return None
    return replace(call, query={**call.query, "after": page.next})
