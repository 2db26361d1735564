"""Requests to URLs that a tenant gives: judged when one is given, and by its addresses when it is used.

The name is resolved once, every address that comes back is judged, and the connection goes to the judged
address itself, while TLS and the Host header keep the name: a name that resolves to something else a moment
later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpcore

from schemas.addresses import not_public

URL_MAX: Final = 2_000

_LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain")
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def url_fault(url: str, *, local: bool = False) -> str | None:
    """What is wrong with `url` as a place for our requests; None: nothing. No name is resolved: connecting
    looks again.

    `local`: the development switch; http, any port, and our own network are let in.
    """
    if len(url) > URL_MAX or any(not "!" <= character <= "~" for character in url):
        return f"must be at most {URL_MAX} printable ASCII characters; a host of others is written xn--..."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    schemes = ("https", "http") if local else ("https",)
    if parts.scheme not in schemes or not host:
        return f"must be an {'://, '.join(schemes)}:// URL with a host"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or a password"
    if parts.fragment or "\\" in url:
        return "must have no fragment and no backslash"
    if local:
        return None
    if port is not None and port != 443 and port < 1024:
        return f"must not name port {port}: 443, or one from 1024 on"
    return _host_fault(host)


def _host_fault(host: str) -> str | None:
    try:
        words = not_public(host)
    except ValueError:
        words = None
        if host.split(".")[-1][:1].isdigit():  # 127.1, 0x7f000001, 2130706433: only a resolver reads these
            return "must name its host by a name, or by an address as it is usually written"
    else:
        return f"leads to {ip_address(host.partition('%')[0])}, which is {words}" if words else None
    if not _HOST.fullmatch(host) or host.endswith(tuple(f".{name}" for name in _LOCAL_NAMES)):
        return f"names the host {host[:80]}, which is not a public name"
    return words


class Forbidden(Exception):
    """A host that leads to an address that is not public."""


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses alone. `local`: to all, for development."""

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        refused: httpcore.ConnectError | None = None
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                refused = error
        raise refused or httpcore.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str, port: int) -> list[str]:
        """All of the host's. Raises Forbidden where one of them is not public."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} does not resolve: {error}") from None
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        if not self._local:
            for address in addresses:
                if words := not_public(address):
                    raise Forbidden(f"{host} leads to {address}, which is {words}: nothing is sent there")
        return addresses
