"""A stranger's receiver of webhooks: a web server that knows its secret and the package standardwebhooks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

Event = dict[str, Any]
#: What to answer to an event: a status, or status and headers. It may take its time.
Answers = Callable[[Event], int | tuple[int, dict[str, str]]]


@dataclass
class Receiver:
    """`events`: every verified delivery, in the order of their arrival, repeats too."""

    secret: str
    port: int = 0
    answers: Answers = lambda event: 204
    events: list[Event] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def ids(self) -> list[str]:
        """Without repeats, in the order of their first arrival."""
        with self.lock:
            return list(dict.fromkeys(event["id"] for event in self.events))

    def take(self, headers: dict[str, str], body: bytes) -> int | tuple[int, dict[str, str]]:
        with self.lock:
            self.requests += 1
        try:
            event = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            with self.lock:
                self.forged.append(str(error))
            return 401
        assert event == json.loads(body)
        assert headers["webhook-id"] == event["id"]
        with self.lock:
            self.events.append(event)
        return self.answers(event)


@contextmanager
def receiver(secret: str, answers: Answers | None = None) -> Iterator[Receiver]:
    """A receiver that listens on loopback for the block."""
    own = Receiver(secret)
    if answers is not None:
        own.answers = answers

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed
                self.close_connection = True
                return
            found = own.take({name.lower(): value for name, value in self.headers.items()}, body)
            status, headers = found if isinstance(found, tuple) else (found, {})
            text = b"" if status == 204 else f"status {status}".encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a sender that was killed in the middle

    with Server(("127.0.0.1", 0), Handler) as server:
        own.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield own
        finally:
            server.shutdown()
            thread.join(60)


def slow(seconds: float) -> Answers:
    def answer(event: Event) -> int:
        time.sleep(seconds)
        return 204

    return answer
