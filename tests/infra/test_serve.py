"""`spendlog serve` says at once where it cannot listen, and starts an API that was killed again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import requests

from infra.processes.refs import wait_until
from infra.stack import Endpoints
from infra.stack.tcp_ports import free_port
from tests.infra.support import environment, spendlog


def test_a_port_that_is_taken_is_one_line(stack: Endpoints) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = spendlog("serve", "--port", str(port), env=stack.environment())
    assert done.returncode == 1
    assert done.stderr == f"error: cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_an_api_that_is_killed_is_started_again_at_its_port(stack: Endpoints, tmp_path: Path) -> None:
    port = free_port(set())

    def lives() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    with (tmp_path / "serve.log").open("wb") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "serve", "--port", str(port)],
            env=environment(stack.environment()),
            stderr=log,
        )
    try:
        assert wait_until(lives, 60.0), (tmp_path / "serve.log").read_text()
        (child,) = psutil.Process(supervisor.pid).children()
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        assert wait_until(lives, 60.0), (tmp_path / "serve.log").read_text()
        (again,) = psutil.Process(supervisor.pid).children()
        assert again.pid != child.pid
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(20) == 0
        assert not lives()
        assert not psutil.pid_exists(again.pid)
    finally:
        supervisor.kill()
        supervisor.wait(10)
