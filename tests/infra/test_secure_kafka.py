"""The whole system on a broker that is encrypted and asks who one is; and addresses that make no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from infra.topics import apply
from schemas.kafka import KafkaAddress, kafka_address, librdkafka
from tests.infra.secure_kafka import PASSWORD, USER, SecureKafka, secure_kafka
from tests.infra.support import spendlog

STORY = Path(__file__).parents[1] / "scenarios" / "reversals.txt"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure")) as broker:
        yield broker


def by_password(broker: SecureKafka, password: str = PASSWORD) -> str:
    return f"sasl_ssl://{USER}:{quote(password, safe='')}@{broker.password}?ca={broker.ca}"


def by_certificate(broker: SecureKafka) -> str:
    return f"ssl://{broker.certificate}?ca={broker.ca}&cert={broker.cert}&key={broker.key}"


BY_CERTIFICATE = pytest.param(by_certificate, id="certificate", marks=pytest.mark.faults)


@pytest.mark.parametrize("address", [pytest.param(by_password, id="password"), BY_CERTIFICATE])
def test_everything_runs_on_a_cluster_that_asks_who_one_is(
    broker: SecureKafka, tmp_path: Path, address: Callable[[SecureKafka], str]
) -> None:
    env = {"SPENDLOG_KAFKA": address(broker)}
    played = spendlog("story", STORY, "--keep", "--data", tmp_path / "data", env=env)
    assert played.returncode == 0, played.stdout + played.stderr
    assert quote(PASSWORD, safe="") not in played.stdout + played.stderr


def test_a_wrong_password_is_told_and_not_shown(broker: SecureKafka) -> None:
    listed = spendlog("topics", "diff", env={"SPENDLOG_KAFKA": by_password(broker, "wrong-one")})
    assert listed.returncode == 1
    assert f"sasl_ssl://{USER}:***@{broker.password}" in listed.stderr
    assert "wrong-one" not in listed.stderr
    assert "uthentication failed" in listed.stderr


def test_who_has_a_certificate_is_let_in_and_nobody_else(broker: SecureKafka) -> None:
    apply(by_certificate(broker))
    with pytest.raises(Exception, match="does not answer"):
        apply(f"ssl://{broker.certificate}?ca={broker.ca}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kafka://h:9092", "must begin with plaintext://, ssl://, sasl_plaintext://, sasl_ssl:// or a host"),
        ("ssl://h", "must be host:port"),
        ("ssl://h:1,h2", "must be host:port"),
        ("ssl://h:1/topic", "must end with the port"),
        ("sasl_ssl://h:1", "must name user and password"),
        ("sasl_ssl://u@h:1", "must name user and password"),
        ("ssl://u:secret@h:1", "need sasl_ssl://"),
        ("plaintext://h:1?mechanism=PLAIN", "need sasl_plaintext://"),
        ("sasl_ssl://u:secret@h:1?mechanism=GSSAPI", "is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
        ("sasl_ssl://u:secret@h:1?mecanism=PLAIN", "'mecanism'"),
        ("ssl://h:1?ca=", "without a value"),
        ("ssl://h:1?ca=/a&ca=/b", "twice"),
        ("ssl://h:1?ca", "not name=value"),
        ("plaintext://h:1?ca=/a", "need ssl://"),
        ("sasl_plaintext://u:secret@h:1?ca=/a", "need sasl_ssl://"),
        ("ssl://h:1?cert=/a", "cert and key belong together"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused_without_its_password(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        kafka_address(text)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_says_all_that_a_client_needs() -> None:
    assert kafka_address("a:1, b:2") == KafkaAddress("a:1,b:2")
    assert librdkafka("[::1]:9092") == {"bootstrap.servers": "[::1]:9092", "security.protocol": "plaintext"}
    assert librdkafka("sasl_ssl://m%40x:p%3Aw%2F%40@a:1,b:2?mechanism=SCRAM-SHA-512&ca=/ca.pem") == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "m@x",
        "sasl.password": "p:w/@",
        "ssl.ca.location": "/ca.pem",
    }


def test_a_file_that_is_not_there_is_named() -> None:
    said = spendlog("topics", "diff", env={"SPENDLOG_KAFKA": "ssl://127.0.0.1:1?ca=/nowhere/ca.pem"})
    assert said.returncode == 1
    assert "ca names /nowhere/ca.pem" in said.stderr
