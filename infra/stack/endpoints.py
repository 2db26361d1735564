"""What a stack offers, whatever kind it is: embedded, external or in containers."""

from dataclasses import dataclass
from typing import Literal, get_args

from infra.errors import SpendlogError

ServiceName = Literal["kafka", "postgres", "redis"]
SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)


class StackError(SpendlogError):
    """A service could not be started or reached; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the three services."""

    kafka: str  # bootstrap servers, "127.0.0.1:port"
    postgres: str  # libpq URL with user, password and database
    redis: str  # redis:// URL with password

    def addresses(self) -> dict[ServiceName, str]:
        return {"kafka": self.kafka, "postgres": self.postgres, "redis": self.redis}

    def environment(self) -> dict[str, str]:
        """The same as settings, for a child process or a shell."""
        return {f"SPENDLOG_{name.upper()}": address for name, address in self.addresses().items()}
