"""A receiver of webhooks on this machine, for a terminal: it checks signatures, and says what comes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from infra.errors import SpendlogError

BODY_BYTES_MAX = 1024 * 1024
WAITING_MAX = 1_000  # events that came and were not looked at; beyond them a sender is told to come again


class LocalReceiver:
    """Where deliveries come in. `url`: how this machine reaches it."""

    def __init__(self, url: str, arrived: queue.Queue[tuple[dict[str, str], bytes]]) -> None:
        self.url = url
        self._arrived = arrived
        self._seen: set[str] = set()

    def verified(self, secret: str) -> Iterator[dict[str, Any]]:
        """Each event once, as it comes; what is not signed with `secret` is left out."""
        check = Webhook(secret)
        while True:
            try:
                headers, body = self._arrived.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                event = check.verify(body, headers)
            except (WebhookVerificationError, ValueError):
                continue
            if event["id"] not in self._seen:
                self._seen.add(event["id"])
                yield event


@contextmanager
def listening(port: int) -> Iterator[LocalReceiver]:
    """A receiver on loopback for the block. `port` 0: a free one. Raises SpendlogError: it is taken."""
    arrived: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue(WAITING_MAX)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > BODY_BYTES_MAX:
                self._answer(413)
                return
            body = self.rfile.read(length)
            try:
                arrived.put_nowait(({name.lower(): value for name, value in self.headers.items()}, body))
            except queue.Full:
                self._answer(503)
            else:
                self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    try:
        listener = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise SpendlogError(f"cannot listen on port {port}: {error.strerror or error}") from None
    with listener as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield LocalReceiver(f"http://127.0.0.1:{server.server_address[1]}/", arrived)
        finally:
            server.shutdown()
            thread.join(5)
