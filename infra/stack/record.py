"""``stack.json`` in the data folder: what runs, where, and as which processes."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any, Literal, Self

from infra.processes.refs import ProcessRef
from infra.stack.endpoints import Endpoints, StackError

Mode = Literal["detached", "foreground", "embedded"]
_FORMAT = 1
_MARKER = ".spendlog-data"
_LOCK = "stack.lock"


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One embedded service: its process and its ports."""

    process: ProcessRef
    ports: tuple[int, ...]
    stop_signal: int
    log: str


@dataclass(frozen=True, slots=True)
class StackRecord:
    """One stack. A service that is not in `services` is external."""

    mode: Mode
    owner: ProcessRef
    endpoints: Endpoints
    services: dict[str, ServiceRecord] = field(default_factory=dict)

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """None when the folder has no record. Raises StackError when it cannot be understood."""
        try:
            raw = json.loads((data_dir / "stack.json").read_text())
            return cls._from_json(raw)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise StackError(
                f"the data folder {data_dir} is not a folder. Choose another one with --data"
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(f"{data_dir / 'stack.json'} cannot be understood ({error}). Delete it") from None

    @classmethod
    def _from_json(cls, raw: dict[str, Any]) -> Self:
        if raw["format"] != _FORMAT:
            raise ValueError(f"format {raw['format']}")
        services = {
            name: ServiceRecord(
                ProcessRef(**entry["process"]), tuple(entry["ports"]), entry["stop_signal"], entry["log"]
            )
            for name, entry in raw["services"].items()
        }
        return cls(raw["mode"], ProcessRef(**raw["owner"]), Endpoints(**raw["endpoints"]), services)

    def write(self, data_dir: Path) -> None:
        """Readable by its owner only: the addresses hold passwords."""
        new = data_dir / "stack.json.new"
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"format": _FORMAT, **asdict(self)}, file, indent=2)
        new.replace(data_dir / "stack.json")

    def living(self) -> dict[str, ServiceRecord]:
        return {name: service for name, service in self.services.items() if service.process.alive()}


def open_data_folder(data_dir: Path, *, reset: bool) -> None:
    """Makes the folder, or with `reset` empties it. The caller holds its lock."""
    with _writing(data_dir):
        if reset:
            for path in data_dir.iterdir():
                if path.name not in (_MARKER, _LOCK):
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (data_dir / ".gitignore").write_text("*\n")


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Makes the folder and holds it for this process.

    Raises StackError when another process holds it, when it cannot be written, or when it has files of
    others in it: a folder that `--reset` may empty is one that was empty when it was first used.
    """
    with _writing(data_dir):
        # For its owner only: the logs and Kafka's files in it are readable by all who may enter.
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (data_dir / _MARKER).exists():
            if any(data_dir.iterdir()):
                raise StackError(
                    f"{data_dir} holds other files. Choose a new or empty data folder with --data"
                )
            (data_dir / _MARKER).write_text(
                "Data of the spendlog stack: --reset deletes everything in this folder.\n"
            )
        lock = (data_dir / _LOCK).open("a+")
    with lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackError(
                f"the data folder {data_dir} is in use by process {lock.read().strip() or '?'}. "
                "End it first, or choose another folder with --data"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def _writing(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise StackError(
            f"the data folder {data_dir} is not a folder. Choose another one with --data"
        ) from None
    except OSError as error:
        raise StackError(
            f"the data folder {data_dir} cannot be written: {error.strerror}. Choose another one with --data"
        ) from None
