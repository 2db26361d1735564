"""A real name server on this machine, for tests: it says what it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dnslib import CNAME, QTYPE, RCODE, RR, TXT, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from tests.api.support import free_port


@dataclass
class Zone(BaseResolver):  # type: ignore[misc]
    """`texts`: TXT records by name, each of one or more strings; `aliases`: names of names; `fails`: it
    answers that it failed."""

    address: str
    texts: dict[str, list[list[str]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    fails: bool = False

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        answer = request.reply()
        if self.fails:
            answer.header.rcode = RCODE.SERVFAIL
            return answer
        name = str(request.q.qname).rstrip(".").lower()
        if name in self.aliases:
            answer.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(self.aliases[name]), ttl=0))
            name = self.aliases[name]
        if name not in self.texts:
            answer.header.rcode = RCODE.NXDOMAIN
        for strings in self.texts.get(name, []):
            answer.add_answer(RR(name, QTYPE.TXT, rdata=TXT([text.encode() for text in strings]), ttl=0))
        return answer


@contextmanager
def name_server() -> Iterator[Zone]:
    """By UDP and by TCP, for what does not fit."""
    port = free_port()
    zone = Zone(f"127.0.0.1:{port}")
    silent = DNSLogger(logf=lambda *_: None)
    servers = [
        DNSServer(zone, port=port, address="127.0.0.1", tcp=tcp, logger=silent) for tcp in (False, True)
    ]
    for server in servers:
        server.start_thread()
    try:
        yield zone
    finally:
        for server in servers:
            server.stop()
            server.server.server_close()
