"""What an identity provider is asked over HTTPS: public addresses alone, bounded in time and size.

Its URLs come from a tenant, and from documents that the tenant's server sends.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpcore
import msgspec

from schemas.outbound import Forbidden, PublicNetwork, url_fault

ASK_S_MAX: Final = 8.0  # a person waits for it
#: Entra's keys are 15 KiB, the largest known.
ANSWER_BYTES_MAX: Final = 256 * 1024


class ProviderFault(Exception):
    """The provider did not answer, or not as it must; the message says what is wrong, for the Org Admin."""


class ProviderHttp:
    """A few connections to all providers. Close it with `aclose`."""

    def __init__(self, *, local: bool) -> None:
        """`local`: http, loopback and private addresses are let in, too."""
        self._local = local
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    async def json(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """Status and object that it answers; redirects are answers like any other. Raises ProviderFault."""
        if fault := url_fault(url, local=self._local):
            raise ProviderFault(f"{url[:200]} {fault}")
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            async with asyncio.timeout(ASK_S_MAX):
                status, answer = await self._answer(method, url, sent, body.encode())
        except TimeoutError:
            raise ProviderFault(f"{url[:200]} did not answer within {ASK_S_MAX:.0f} s") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise ProviderFault(f"{url[:200]}: {str(error)[:200] or type(error).__name__}") from None
        except (Forbidden, httpcore.UnsupportedProtocol, ssl.SSLError, OSError, ValueError) as error:
            raise ProviderFault(f"{url[:200]}: {str(error)[:200]}") from None
        try:
            return status, msgspec.json.decode(answer, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ProviderFault(f"{url[:200]} answered {status}, and no JSON object") from None

    async def _answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        found = bytearray()
        async with self._connections().stream(
            method, url, headers=[*headers.items()], content=body
        ) as response:
            async for part in response.aiter_stream():
                found += part
                if len(found) > ANSWER_BYTES_MAX:
                    raise ProviderFault(f"{url[:200]} answered more than {ANSWER_BYTES_MAX // 1024} KiB")
        return response.status, bytes(found)

    def _connections(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:  # the system's certificates take a moment, for which no start need wait
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=20,
                keepalive_expiry=10.0,
                network_backend=PublicNetwork(local=self._local),
            )
        return self._pool
