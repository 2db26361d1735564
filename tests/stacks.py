"""The services that the tests run on: embedded, external or in containers, with the same endpoints."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

import infra
from infra.stack import Endpoints, StackError, running_stack
from infra.stack.tcp_ports import free_port


class StackChoice(BaseSettings):
    """SPENDLOG_TEST_STACK. Embedded uses the external servers that SPENDLOG_KAFKA and so on name."""

    model_config = SettingsConfigDict(env_prefix="SPENDLOG_TEST_", env_ignore_empty=True)

    stack: Literal["embedded", "testcontainers"] = "embedded"


@contextmanager
def chosen_stack(data_dir: Path) -> Iterator[Endpoints]:
    """The stack that SPENDLOG_TEST_STACK chooses, for the time of a ``with`` block."""
    if StackChoice().stack == "testcontainers":
        with containers() as endpoints:
            yield endpoints
    else:
        with running_stack(data_dir) as endpoints:
            yield endpoints


@contextmanager
def containers() -> Iterator[Endpoints]:
    """infra/compose.yaml, run by testcontainers on free ports. Raises when no Docker engine answers."""
    from testcontainers.compose import DockerCompose

    if subprocess.run(["docker", "compose", "ls"], capture_output=True).returncode != 0:
        raise StackError(
            "SPENDLOG_TEST_STACK=testcontainers needs a Docker engine that answers, with its compose plugin"
        )
    taken: set[int] = set()
    ports = {name: free_port(taken) for name in ("KAFKA_PORT", "POSTGRES_PORT", "REDIS_PORT")}
    folder = Path(infra.__file__).parent
    with (
        _env_file(ports) as env_file,
        DockerCompose(folder, "compose.yaml", wait=True, env_file=str(env_file)),
    ):
        yield Endpoints(
            kafka=f"127.0.0.1:{ports['KAFKA_PORT']}",
            postgres=f"postgresql://spendlog:spendlog@127.0.0.1:{ports['POSTGRES_PORT']}/spendlog?sslmode=disable",
            redis=f"redis://127.0.0.1:{ports['REDIS_PORT']}/0",
        )


@contextmanager
def _env_file(values: dict[str, int]) -> Iterator[Path]:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        file = Path(folder) / "ports.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        yield file
