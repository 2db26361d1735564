"""Starts, watches and stops the three services together."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.processes.child import Child, start
from infra.processes.refs import ProcessError, ProcessRef, log_tail, wait_until
from infra.processes.signals import undisturbed
from infra.stack.endpoints import SERVICES, Endpoints, ServiceName, StackError
from infra.stack.kafka import Kafka
from infra.stack.postgres import PostgresServer
from infra.stack.probes import kafka_answers, postgres_answers, redis_answers
from infra.stack.record import Mode, ServiceRecord, StackRecord, locked, open_data_folder
from infra.stack.service import Launch, Service
from infra.stack.tcp_ports import free_port, require_free
from infra.stack.valkey import Valkey
from infra.stack_settings import StackSettings, load_settings
from schemas.settings import masked

# (service, what it does now): "starting", "ready", "stopping", "stopped", a download's progress ...
OnProgress = Callable[[ServiceName, str], None]

_EXTERNAL_TIMEOUT_S = 10.0
_PROBES = {"kafka": kafka_answers, "postgres": postgres_answers, "redis": redis_answers}


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Fixed ports (None: a free one), and how the embedded services run."""

    kafka_port: int | None = None
    postgres_port: int | None = None
    redis_port: int | None = None
    kafka_heap_mb: int = 512
    kafka_full_jit: bool = False  # for long benches: the optimising compiler too
    ready_timeout_s: float = 60.0  # a start takes 3 s here; 20 times that for a slow, busy machine
    stop_timeout_s: float = 20.0

    def port(self, name: ServiceName) -> int | None:
        ports = {"kafka": self.kafka_port, "postgres": self.postgres_port, "redis": self.redis_port}
        return ports[name]


class Stack:
    """The three services of one data folder, embedded unless the settings name an external one.

    A context manager; all children end with it. Its methods stop, kill, pause and start one embedded service
    by name, on the same port and data. They raise StackError when that service is external.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: StackSettings | None = None,
        options: StackOptions | None = None,
        mode: Mode = "embedded",
        reset: bool = False,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.settings = settings or load_settings()
        self.options = options or StackOptions()
        self.mode: Mode = mode
        self.reset = reset
        self._report: OnProgress = on_progress or (lambda _service, _state: None)
        self._services: dict[ServiceName, Service] = {}
        self._children: dict[ServiceName, Child] = {}
        self._endpoints: Endpoints | None = None
        self._cancelled = threading.Event()
        self._lock = contextlib.ExitStack()

    @property
    def endpoints(self) -> Endpoints:
        if self._endpoints is None:
            raise StackError("the stack is not running")
        return self._endpoints

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> Endpoints:
        """Starts what is not external, in parallel, and waits until all answer. Nothing stays when one fails.

        Raises StackError or ProcessError.
        """
        self._lock.enter_context(locked(self.data_dir))
        try:
            self._end_leftovers()
            open_data_folder(self.data_dir, reset=self.reset)
            self._require_external()
            self._services = {service.name: service for service in self._embedded()}
            self._start_all()
            self._endpoints = self._addresses()
            self._write_record()
        except BaseException:
            self.down()
            raise
        return self._endpoints

    def down(self) -> None:
        """Stops every service that this object started, in parallel. Bounded, and not cut short by Ctrl-C."""
        with undisturbed():
            self._cancelled.set()
            with ThreadPoolExecutor(len(SERVICES)) as pool:
                list(pool.map(self._stop, list(self._children)))
            if self._endpoints is not None:
                (self.data_dir / "stack.json").unlink(missing_ok=True)
            self._endpoints = None
            self._lock.close()

    def leave_running(self) -> None:
        """Gives up control of a detached stack: its record in the data folder is how it is stopped later."""
        self._children.clear()
        self._lock.close()

    def start(self, name: ServiceName) -> None:
        """Starts an embedded service again on its port and data, and waits until it answers."""
        if name in self._children and self._children[name].alive():
            return
        self._bring_up(self._embedded_service(name))
        self._write_record()

    def stop(self, name: ServiceName) -> None:
        """Stops an embedded service in order; its data stays."""
        self._embedded_service(name)
        self._stop(name)

    def kill(self, name: ServiceName) -> None:
        """kill -9 of an embedded service."""
        self._child(name).kill()

    def pause(self, name: ServiceName) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self._child(name).pause()

    def resume(self, name: ServiceName) -> None:
        self._child(name).resume()

    def pid(self, name: ServiceName) -> int:
        return self._child(name).pid

    def log(self, name: ServiceName) -> Path:
        return self.data_dir / "logs" / f"{name}.log"

    def require_alive(self) -> None:
        """Raises StackError, with the tail of its log, when an embedded service has died."""
        for name, child in self._children.items():
            if not child.alive():
                raise StackError(
                    f"{name} died with status {child.returncode}; "
                    f"its log {child.log} ends with\n{log_tail(child.log)}"
                )

    def _end_leftovers(self) -> None:
        """Services of an owner that was killed, or of a detached stack that lost one of them."""
        record = StackRecord.read(self.data_dir)
        if record is not None:
            stop_services(record, self._report)

    def _require_external(self) -> None:
        for name in SERVICES:
            address = getattr(self.settings, name)
            if address is None:
                continue
            self._report(name, "waiting for the external server")
            if not wait_until(partial(_PROBES[name], address), _EXTERNAL_TIMEOUT_S, poll_s=0.2):
                raise StackError(
                    f"SPENDLOG_{name.upper()}={masked(address)} does not answer within "
                    f"{_EXTERNAL_TIMEOUT_S:g} s. Start that server, correct the setting, or remove it to use "
                    "the embedded one"
                )
            self._report(name, "ready (external)")

    def _embedded(self) -> Iterator[Service]:
        taken: set[int] = set()
        if self.settings.kafka is None:
            ports = (self._port("kafka", taken), free_port(taken))
            yield Kafka(
                self.data_dir / "kafka",
                ports,
                self.settings.cache,
                self.settings.maven,
                self.options.kafka_heap_mb,
                self.options.kafka_full_jit,
            )
        if self.settings.postgres is None:
            yield PostgresServer(self.data_dir / "postgres", (self._port("postgres", taken),))
        if self.settings.redis is None:
            yield Valkey(self.data_dir / "valkey", (self._port("redis", taken),))

    def _port(self, name: ServiceName, taken: set[int]) -> int:
        wanted = self.options.port(name)
        if wanted is None:
            return free_port(taken)
        require_free(wanted, name, f"--{name}-port")
        taken.add(wanted)
        return wanted

    def _start_all(self) -> None:
        self._cancelled.clear()
        with ThreadPoolExecutor(len(SERVICES), thread_name_prefix="stack") as pool:
            jobs: list[Future[None]] = [
                pool.submit(self._bring_up, service) for service in self._services.values()
            ]
            try:
                # Short waits: a signal handler runs in the main thread only between them.
                while not all(job.done() for job in jobs):
                    finished, _ = wait(jobs, timeout=0.1, return_when=FIRST_EXCEPTION)
                    for job in finished:
                        job.result()
                for job in jobs:
                    job.result()
            except BaseException:
                self._cancelled.set()
                raise

    def _bring_up(self, service: Service) -> None:
        name, log = service.name, self.log(service.name)
        try:
            launch = service.prepare(lambda state: self._report(name, state), self._cancelled, log)
            self._launch(service, launch, log)
            service.after_start()
        except OSError as error:
            raise StackError(
                f"{name} cannot write below {self.data_dir}: {error}. Choose another folder"
            ) from error
        self._report(name, "ready")

    def _launch(self, service: Service, launch: Launch, log: Path) -> None:
        name, until_s = service.name, time.monotonic() + self.options.ready_timeout_s
        while True:
            child = self._children[name] = start(
                name,
                launch.command,
                log=log,
                env=launch.env,
                cwd=service.folder,
                run_as=launch.run_as,
                stop_signal=launch.stop_signal,
                death_signal=None if self.mode == "detached" else launch.death_signal,
            )
            try:
                child.wait_ready(service.answers, self.options.ready_timeout_s, cancelled=self._cancelled)
                return
            except ProcessError:
                if not service.ends_still(child.output()) or time.monotonic() > until_s:
                    raise
            time.sleep(0.2)

    def _stop(self, name: ServiceName) -> None:
        self._report(name, "stopping")
        self._children[name].terminate(self.options.stop_timeout_s)
        self._report(name, "stopped")

    def _embedded_service(self, name: ServiceName) -> Service:
        if name not in self._services:
            raise StackError(f"{name} is external: this stack does not control it")
        return self._services[name]

    def _child(self, name: ServiceName) -> Child:
        self._embedded_service(name)
        return self._children[name]

    def _addresses(self) -> Endpoints:
        urls = {name: service.url() for name, service in self._services.items()}
        return Endpoints(**{name: getattr(self.settings, name) or urls[name] for name in SERVICES})

    def _write_record(self) -> None:
        services = {
            str(name): ServiceRecord(
                child.ref, self._services[name].ports, int(child.stop_signal), str(child.log)
            )
            for name, child in self._children.items()
        }
        StackRecord(self.mode, ProcessRef.of(os.getpid()), self.endpoints, services).write(self.data_dir)


@contextlib.contextmanager
def running_stack(
    data_dir: Path | None = None,
    *,
    settings: StackSettings | None = None,
    options: StackOptions | None = None,
    reset: bool = False,
    on_progress: OnProgress | None = None,
) -> Iterator[Endpoints]:
    """The three services for a ``with`` block; they end with it, and with this process however it ends.

    `data_dir` defaults to the setting SPENDLOG_DATA. Raises StackError or ProcessError when one cannot start.
    """
    settings = settings or load_settings()
    stack = Stack(
        data_dir or settings.data, settings=settings, options=options, reset=reset, on_progress=on_progress
    )
    with stack:
        yield stack.endpoints


def stop_services(record: StackRecord, report: OnProgress, *, timeout_s: float = 20.0) -> list[ServiceName]:
    """Ends the recorded processes, and no others, in parallel. Returns the services that still ran."""
    living = {name: record.services[name] for name in SERVICES if name in record.living()}

    def end(name: ServiceName) -> None:
        report(name, "stopping")
        in_order = living[name].process.end(stop_signal=living[name].stop_signal, timeout_s=timeout_s)
        report(name, "stopped" if in_order else "killed: it did not stop in time")

    with undisturbed(), ThreadPoolExecutor(len(SERVICES)) as pool:
        list(pool.map(end, living))
    return list(living)


def stack_down(data_dir: Path, on_progress: OnProgress | None = None) -> list[ServiceName]:
    """Stops the stack of a data folder. Returns what was running, nothing when it was down already.

    A stack in the foreground is asked to end by itself. Raises StackError when a program holds it for its own
    use (`running_stack`).
    """
    record = StackRecord.read(data_dir)
    if record is None:
        return []
    report: OnProgress = on_progress or (lambda _service, _state: None)
    if record.mode != "detached" and record.owner.alive():
        if record.mode == "embedded":
            raise StackError(
                f"the stack in {data_dir} belongs to process {record.owner.pid}: end that process"
            )
        running = [name for name in SERVICES if name in record.living()]
        record.owner.end(timeout_s=60.0)
        stop_services(record, report)
        return running
    with locked(data_dir):
        running = stop_services(record, report)
        (data_dir / "stack.json").unlink(missing_ok=True)
    return running
