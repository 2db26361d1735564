"""Free TCP ports on the loopback address."""

import errno
import random
import socket

import psutil

from infra.stack.endpoints import StackError

# Below the ranges from which systems choose client ports (Linux 32768+, macOS 49152+): a client's outgoing
# connection can then not take the port of a service that is down for a moment.
_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a service could listen on 127.0.0.1:port now. Raises StackError when no user may."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the services do: TIME_WAIT is no hindrance
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise StackError(f"port {port} cannot be used: {error.strerror}. Choose another port") from None
    return True


def free_port(taken: set[int]) -> int:
    """A free port that is not in `taken`; it is added there."""
    for port in random.sample(_RANGE, len(_RANGE)):
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise StackError(f"no free TCP port between {_RANGE.start} and {_RANGE.stop}")


def require_free(port: int, service: str, option: str) -> None:
    """Raises StackError that names the port, who holds it when that can be seen, and the option."""
    if not is_free(port):
        holder = _holder(port)
        raise StackError(
            f"port {port} for {service} is taken{holder}. "
            f"End that process, or choose another port with {option}"
        )


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr.port == port:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""
