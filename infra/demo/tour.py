"""What `make demo` shows in a browser: TechCorp's month, links for its people, and purchases that go on."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console

from api.access.keys import KEY_SCOPES, Scope, create_key
from infra.demo import month
from infra.running.log import Sender
from infra.running.system import RunningSystem
from schemas.codec import encode_event
from schemas.event import Event
from schemas.ids import department_key
from schemas.partitions import partition_of

#: Seconds from one purchase to the next: slow enough to look, quick enough to see that it lives.
PAUSE_S: Final = 3.0

_READS: Final = tuple(scope for scope in KEY_SCOPES if scope.endswith(":read"))
_SPENDS: Final = (
    Scope.AUTHORIZATIONS_WRITE,
    Scope.BUDGETS_WRITE,
    Scope.BUDGETS_REQUEST,
    Scope.BUDGETS_APPROVE,
)
#: Who gets a link: name of the role, e-mail address, what she may do.
PEOPLE: Final = (
    ("Finance Manager", "carol@techcorp.com", (*_READS, *_SPENDS, Scope.CARDS_WRITE, Scope.POLICIES_WRITE)),
    ("Org Admin", "admin@techcorp.com", tuple(Scope)),
    ("Auditor", "auditor@techcorp.com", _READS),
)


class Tour:
    """The month is played at once; `step` goes on with it, one purchase after the other."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._sender = Sender(system.endpoints.kafka)
        self._rng = random.Random()
        self._due_s = time.monotonic() + PAUSE_S
        self._number = 0

    def begin(self, console: Console) -> None:
        """Plays the month and prints a link for each person."""
        now = datetime.now(UTC).replace(microsecond=0)
        organization = self._system.organization
        self._send(month.settings(organization, now - timedelta(days=28)))
        self._send(month.purchases(organization, now))
        self._sender.flush()
        console.rule("[bold]In a browser", align="left")
        for role, actor, scopes in PEOPLE:
            secret, _ = create_key(
                self._system.endpoints.postgres,
                organization_id=organization,
                name=role,
                scopes=scopes,
                actor=actor,
            )
            link = f"{self._system.api}/sign-in#{secret}"
            console.print(f"  {role:<16} {actor:<22} {link}", soft_wrap=True, markup=False, highlight=False)

    def step(self) -> None:
        """The next purchase, if its time has come."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + PAUSE_S * self._rng.uniform(0.4, 1.6)
        self._number += 1
        now = datetime.now(UTC)
        name = f"now-{int(now.timestamp()):x}-{self._number}"
        self._send([month.purchase_now(self._rng, self._system.organization, name, now)])
        self._sender.flush()

    def _send(self, events: Iterable[Event]) -> None:
        for event in events:
            key = department_key(event.organization_id, event.department_id).encode()
            self._sender.send(partition_of(key, self._system.partitions), key, encode_event(event))
