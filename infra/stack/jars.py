"""Apache Kafka's jars: a list pinned by SHA-256, fetched once from Maven Central, kept in the user's cache.

The list is committed, so a start reads no POM (resolving them takes 12 s) and accepts no other bytes.
``python -m infra.stack.pin_jars`` resolves it anew with jgo and prints it.
"""

import hashlib
import json
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from infra.stack.endpoints import StackError
from infra.stack.service import Report

_LIST = Path(__file__).with_name("kafka_jars.json")
_PARALLEL = 6
_REQUEST_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Jar:
    """One artifact of Maven Central and the SHA-256 of its bytes."""

    coordinate: str  # group:artifact:version
    sha256: str

    @property
    def path(self) -> Path:
        """Where Maven keeps it below a repository."""
        group, artifact, version = self.coordinate.split(":")
        return Path(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def pinned_jars(source: Path = _LIST) -> list[Jar]:
    return [Jar(coordinate, sha256) for coordinate, sha256 in json.loads(source.read_text()).items()]


def fetch_jars(
    cache: Path, repository: str, report: Report, cancelled: threading.Event, jars: list[Jar] | None = None
) -> list[Path]:
    """The jars' files in the cache, in the order of the list. What is missing is downloaded and checked.

    Needs no network when all are there. Raises StackError that names the artifact when one cannot be had.
    """
    wanted = pinned_jars() if jars is None else jars
    store = cache / "maven"
    missing = [jar for jar in wanted if not (store / jar.path).exists()]
    if missing:
        try:
            store.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"the cache folder {store} cannot be written: {error.strerror}. Set SPENDLOG_CACHE"
            ) from None
        _download_all(missing, store, repository, report, cancelled)
    return [store / jar.path for jar in wanted]


def _download_all(
    missing: list[Jar], store: Path, repository: str, report: Report, cancelled: threading.Event
) -> None:
    report(f"downloading {len(missing)} jars, once")
    with ThreadPoolExecutor(_PARALLEL) as pool:
        jobs = [pool.submit(_download, jar, store, repository, cancelled) for jar in missing]
        try:
            for number, job in enumerate(jobs, 1):
                job.result()
                report(f"downloaded {number} of {len(missing)} jars, once")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _download(jar: Jar, store: Path, repository: str, cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise StackError("the download was cancelled")
    url = f"{repository.rstrip('/')}/{jar.path.as_posix()}"
    try:
        with requests.Session() as session:
            response = session.get(url, timeout=_REQUEST_TIMEOUT_S)
            response.raise_for_status()
    except requests.RequestException as error:
        raise StackError(_failed(jar, repository, store, error)) from error
    found = hashlib.sha256(response.content).hexdigest()
    if found != jar.sha256:
        raise StackError(
            f"{jar.coordinate} from {repository} is not the pinned file: SHA-256 {found}, "
            f"expected {jar.sha256}. It was not kept"
        )
    try:
        _keep(response.content, store / jar.path)
    except OSError as error:
        raise StackError(
            f"cannot write {jar.coordinate} below {store}: {error.strerror}. Set SPENDLOG_CACHE"
        ) from None


def _keep(content: bytes, target: Path) -> None:
    """Whole or not at all: an interrupted download leaves nothing that looks like a jar."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as new:
        new.write(content)
    os.chmod(new.name, 0o644)
    os.replace(new.name, target)


def _failed(jar: Jar, repository: str, store: Path, error: requests.RequestException) -> str:
    status = error.response.status_code if error.response is not None else None
    reason = f"no answer ({type(error).__name__})" if status is None else f"status {status}"
    return (
        f"cannot download {jar.coordinate} from {repository}: {reason}. "
        f"The embedded Kafka needs Maven Central once; afterwards its jars are used from {store}. "
        "Set SPENDLOG_MAVEN to a mirror, or SPENDLOG_KAFKA to a Kafka that runs"
    )
