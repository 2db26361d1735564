"""Servers of the rivals' own, set up as their manuals advise, beside the stack that ours uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.processes.child import Child, start
from infra.stack.postgres import PostgresServer
from infra.stack.service import Service
from infra.stack.tcp_ports import free_port
from infra.stack.valkey import Valkey

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
MIB = 2**20


def postgres_settings() -> dict[str, str]:
    """As chapters 19.4, 19.5 and 29.4 of the manual advise for a server that has the machine to itself.

    A quarter of the memory for shared_buffers (here at most 4 GiB: all tables fit many times over), room for
    the log so that no checkpoint falls into a round, no log for replicas that do not exist. What makes a
    commit durable (fsync, full_page_writes) stays on.
    """
    memory_mib = psutil.virtual_memory().total // MIB
    return {
        "shared_buffers": f"{min(memory_mib // 4, 4096)}MB",
        "effective_cache_size": f"{memory_mib // 2}MB",
        "max_wal_size": "8GB",
        "min_wal_size": "2GB",
        "wal_buffers": "64MB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "checkpoint_timeout": "30min",
        "random_page_cost": "1.1",
        "jit": "off",
        "max_connections": "120",
    }


@contextmanager
def postgres(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[str, Child]]:
    """A PostgreSQL with these settings: its address, and its postmaster."""
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with _running(PostgresServer(folder, (free_port(set()),)), options) as running:
        yield running


@contextmanager
def valkey(folder: Path) -> Iterator[tuple[str, Child]]:
    """A Valkey: its address and its process. What it keeps on disk is set at run time, by CONFIG SET."""
    with _running(Valkey(folder, (free_port(set()),)), []) as running:
        yield running


@contextmanager
def _running(service: Service, options: list[str]) -> Iterator[tuple[str, Child]]:
    cancelled, log = threading.Event(), service.folder.parent / f"{service.folder.name}.log"
    service.folder.parent.mkdir(parents=True, exist_ok=True)
    launch = service.prepare(lambda _: None, cancelled, log)
    child = start(
        service.name,
        [*launch.command, *options],
        log=log,
        env=launch.env,
        cwd=service.folder,
        run_as=launch.run_as,
        stop_signal=launch.stop_signal,
        death_signal=launch.death_signal,
    )
    try:
        child.wait_ready(service.answers, READY_TIMEOUT_S, cancelled=cancelled)
        service.after_start()
        yield service.url(), child
    finally:
        child.terminate(STOP_TIMEOUT_S)
