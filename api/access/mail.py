"""Mail of links to people, where a server for it is set; without one, links are shown to who makes them."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

log = structlog.get_logger(__name__)

_TIMEOUT_S: Final = 5.0
_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Mail:
    """`server`: smtp://user:password@host:port (STARTTLS where it is offered) or smtps://; None: no mail.

    `public_url`: where people reach the pages of this API.
    """

    server: str | None
    sender: str
    public_url: str

    async def send(self, to: str, subject: str, words: str, page: str) -> bool:
        """Whether a server took it. `page`: path of the link below the words; it is in no log."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, subject
        message.set_content(f"{words}\n\n{self.public_url.rstrip('/')}{page}\n")
        return await self.deliver(message)

    async def deliver(self, message: EmailMessage) -> bool:
        """Whether a server took it."""
        if self.server is None:
            return False
        place = urlsplit(self.server)
        try:
            await aiosmtplib.send(
                message,
                hostname=place.hostname,
                port=place.port or _PORTS[place.scheme],
                username=unquote(place.username) if place.username else None,
                password=unquote(place.password) if place.password else None,
                use_tls=place.scheme == "smtps",
                timeout=_TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            log.warning("mail_not_sent", server=place.hostname, error=str(error).partition("\n")[0][:200])
            return False
        return True
