"""Whether a domain says that it belongs to an organization: a TXT record with a text that only it was told.

dnspython asks the name servers; a record is public, so its text opens nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

ASK_S_MAX: Final = 5.0  # a person waits for it
_LABEL: Final = "_spendlog"
_PREFIX: Final = "spendlog-domain="
_SHOWN_MAX: Final = 5


class NameServersFault(Exception):
    """The domain's name servers gave no answer; the message says which and why."""


def record_name(domain: str) -> str:
    """Where the record stands."""
    return f"{_LABEL}.{domain}"


def record_text(challenge: str) -> str:
    """What it says."""
    return f"{_PREFIX}{challenge}"


class DomainRecords:
    """Asks the system's name servers, or those at `servers` (host:port)."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in servers)]

    async def texts(self, domain: str) -> list[str]:
        """What its records say, none where there is none. Raises NameServersFault."""
        name = record_name(domain)
        try:
            found = await self._resolver().resolve(name, "TXT", lifetime=ASK_S_MAX, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NameServersFault(f"{name}: {str(error)[:200] or type(error).__name__}") from None
        return [b"".join(record.strings).decode(errors="replace") for record in found]

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
        return resolver


def says(texts: Sequence[str], challenge: str) -> bool:
    return record_text(challenge) in (text.strip() for text in texts)


def shown(texts: Sequence[str]) -> str:
    """For whoever looks why it is not proved."""
    return ", ".join(repr(text[:100]) for text in texts[:_SHOWN_MAX]) or "no TXT record"
