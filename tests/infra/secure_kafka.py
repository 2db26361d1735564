"""A broker that takes nobody without encryption: by user and password, or by certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.processes.child import start
from infra.stack.kafka import Kafka
from infra.stack.tcp_ports import free_port
from infra.stack_settings import load_settings

USER, PASSWORD = "spendlog", "it is @ secret/:"
_JAAS = "org.apache.kafka.common.security.plain.PlainLoginModule required"


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """Hosts and ports of its listeners, and the PEM files of a client."""

    password: str
    certificate: str
    ca: Path
    cert: Path
    key: Path


class Authority:
    """Signs certificates for this machine's own address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        built = self._builder(self._name, self._key).add_extension(basic, critical=True)
        self.certificate = self._write("ca.pem", built)

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of `name`, as PEM files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        here = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        cert = self._write(f"{name}.pem", self._builder(subject, key).add_extension(here, critical=False))
        written = self._folder / f"{name}.key"
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        written.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
        return cert, written

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )

    def _write(self, name: str, builder: x509.CertificateBuilder) -> Path:
        file = self._folder / name
        signed = builder.sign(self._key, hashes.SHA256())
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return file


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """The embedded broker with two more listeners, for the time of a ``with`` block."""
    authority = Authority(folder)
    broker, mine = authority.issue("broker"), authority.issue("client")
    store = folder / "broker-store.pem"
    store.write_bytes(broker[1].read_bytes() + broker[0].read_bytes())
    taken: set[int] = set()
    plain, controller, sasl, tls = (free_port(taken) for _ in range(4))
    here = "127.0.0.1"
    more = {
        "listeners": f"PLAINTEXT://{here}:{plain},CONTROLLER://{here}:{controller},"
        f"SASL_SSL://{here}:{sasl},SSL://{here}:{tls}",
        "advertised.listeners": f"PLAINTEXT://{here}:{plain},SASL_SSL://{here}:{sasl},SSL://{here}:{tls}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        "SASL_SSL:SASL_SSL,SSL:SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{_JAAS} user_{USER}="{PASSWORD}";',
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
        "listener.name.ssl.ssl.client.auth": "required",
    }
    settings = load_settings()
    service = Kafka(folder / "kafka", (plain, controller), settings.cache, settings.maven, more=more)
    log = folder / "kafka.log"
    cancelled = Event()
    launch = service.prepare(lambda _state: None, cancelled, log)
    child = start(
        "kafka", launch.command, log=log, env=launch.env, cwd=service.folder, death_signal=launch.death_signal
    )
    try:
        child.wait_ready(service.answers, 60, cancelled=cancelled)
        yield SecureKafka(f"{here}:{sasl}", f"{here}:{tls}", authority.certificate, *mine)
    finally:
        child.terminate(timeout_s=10)
