"""The embedded stack on real services: what starts ends, and every failure says what to do."""

import json
import os
import re
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

import infra
from infra.processes.refs import ProcessError, wait_until
from infra.stack import Endpoints, Stack, StackError, running_stack
from infra.stack.kafka import Kafka
from infra.stack.record import locked
from infra.stack.versions import KAFKA, POSTGRES, VALKEY
from infra.stack_settings import StackSettings, load_settings
from tests.infra.support import python, services_of, spendlog

ALL = {"java", "postgres", "valkey-server"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that this module may stop and kill."""
    with Stack(tmp_path_factory.mktemp("own"), settings=_embedded()) as stack:
        yield stack


def _embedded() -> StackSettings:
    return StackSettings(kafka=None, postgres=None, redis=None)


def _external(stack: Endpoints, *, embedded: Sequence[str] = ()) -> StackSettings:
    used: dict[str, str | None] = dict(stack.addresses()) | dict.fromkeys(embedded)
    return _embedded().model_copy(update=used)


def test_the_three_services_work(stack: Endpoints) -> None:
    topic = f"works-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": stack.kafka})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=60)
    producer = Producer({"bootstrap.servers": stack.kafka, "transactional.id": topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"value")
    producer.commit_transaction(20)
    with psycopg.connect(stack.postgres) as connection:
        assert connection.info.server_version // 10_000 == int(POSTGRES)
        on = connection.execute(
            "SELECT current_setting('fsync') || current_setting('synchronous_commit')"
        ).fetchone()
        assert on == ("onon",)
    with redis.Redis.from_url(stack.redis) as client:
        assert client.info("server")["valkey_version"].startswith(f"{VALKEY}.")


def test_a_topic_that_nobody_declared_is_refused(own: Stack) -> None:
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": own.endpoints.kafka, "message.timeout.ms": 3000})
    producer.produce("undeclared", b"x", on_delivery=lambda error, _message: errors.append(error))
    producer.flush(10)
    assert len(errors) == 1
    assert errors[0] is not None
    assert (
        "undeclared"
        not in AdminClient({"bootstrap.servers": own.endpoints.kafka}).list_topics(timeout=60).topics
    )


def test_services_listen_on_loopback_only_and_databases_ask_for_a_password(own: Stack) -> None:
    for name in ("kafka", "postgres", "redis"):
        sockets = psutil.Process(own.pid(name)).net_connections("inet")
        listening = {connection.laddr.ip for connection in sockets if connection.status == psutil.CONN_LISTEN}
        assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(re.sub(r":[0-9a-f]{32}@", ":wrong@", own.endpoints.postgres))
    open_url = re.sub(r":[0-9a-f]{32}@", "", own.endpoints.redis)
    with redis.Redis.from_url(open_url) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    assert (own.data_dir / "stack.json").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root needs another user")
def test_postgres_of_root_runs_as_nobody_below_folders_that_only_root_may_enter(own: Stack) -> None:
    assert any(folder.stat().st_mode & 0o007 == 0 for folder in own.data_dir.parents)
    assert psutil.Process(own.pid("postgres")).username() == "nobody"


def test_a_killed_postgres_comes_back_on_its_port_with_its_data(own: Stack) -> None:
    url = own.endpoints.postgres
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    own.kill("postgres")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    with pytest.raises(StackError, match=r"postgres died with status -9; its log"):
        own.require_alive()
    own.start("postgres")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    own.require_alive()


def test_a_postgres_whose_sessions_outlive_it_is_waited_for(own: Stack) -> None:
    """Each has the shared memory until it sees that its server was killed."""
    with psycopg.connect(own.endpoints.postgres) as session:
        os.kill(session.info.backend_pid, signal.SIGSTOP)
        own.kill("postgres")
        later = threading.Timer(1.0, os.kill, (session.info.backend_pid, signal.SIGCONT))
        later.start()
        own.start("postgres")
        later.join()
        session.close()
    with psycopg.connect(own.endpoints.postgres) as again:
        assert again.execute("SELECT 1").fetchone() == (1,)


def test_a_paused_service_answers_again_when_it_is_resumed(own: Stack) -> None:
    with redis.Redis.from_url(own.endpoints.redis, socket_timeout=0.3, retry=None) as client:
        own.pause("redis")
        try:
            with pytest.raises(redis.TimeoutError):
                client.ping()
        finally:
            own.resume("redis")
        assert client.ping()


@pytest.mark.faults
@pytest.mark.parametrize("stop", [Stack.stop, Stack.kill])
def test_kafka_comes_back_on_its_port_with_its_topics(own: Stack, stop: Callable[[Stack, str], None]) -> None:
    topic = f"kept-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": own.endpoints.kafka})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=60)
    stop(own, "kafka")
    own.start("kafka")
    assert topic in AdminClient({"bootstrap.servers": own.endpoints.kafka}).list_topics(timeout=60).topics


def test_the_command_line_starts_shows_and_stops_everything(tmp_path: Path) -> None:
    up = spendlog("stack", "up", "--data", tmp_path / "data", "--json")
    try:
        assert up.returncode == 0, up.stderr
        assert services_of(tmp_path) == ALL
        shown = json.loads(spendlog("stack", "status", "--data", tmp_path / "data", "--json").stdout)
        assert shown == json.loads(up.stdout)
        assert shown["state"] == "running"
        with psycopg.connect(shown["environment"]["SPENDLOG_POSTGRES"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        again = spendlog("stack", "up", "--data", tmp_path / "data", "--json")
        assert "already running" in again.stderr
        assert json.loads(again.stdout) == shown
        os.kill(shown["services"]["redis"]["pid"], signal.SIGKILL)
        assert wait_until(lambda: services_of(tmp_path) == ALL - {"valkey-server"}, 60.0)
        degraded = spendlog("stack", "status", "--data", tmp_path / "data")
        assert degraded.returncode == 3
        assert re.search(r"Valkey +dead", degraded.stdout)
    finally:
        down = spendlog("stack", "down", "--data", tmp_path / "data")
    assert down.stderr.strip() == "stopped: kafka, postgres"
    assert services_of(tmp_path) == set()
    assert spendlog("stack", "status", "--data", tmp_path / "data").returncode == 3
    assert "nothing was running" in spendlog("stack", "down", "--data", tmp_path / "data").stderr


def test_down_leaves_alone_a_process_that_got_a_pid_of_ours(tmp_path: Path) -> None:
    with python("-c", "import time; time.sleep(60)") as bystander:
        gone = {"pid": bystander.pid, "started": "another boot:1"}
        record = {
            "format": 1,
            "mode": "detached",
            "owner": gone,
            "endpoints": {"kafka": "127.0.0.1:1", "postgres": "postgresql://h/x", "redis": "redis://h"},
            "services": {"kafka": {"process": gone, "ports": [1], "stop_signal": 15, "log": "x"}},
        }
        with locked(tmp_path / "data"):
            (tmp_path / "data" / "stack.json").write_text(json.dumps(record))
        down = spendlog("stack", "down", "--data", tmp_path / "data")
        assert "nothing was running" in down.stderr
        assert bystander.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_services_end_with_the_process_that_runs_them(tmp_path: Path, end: signal.Signals) -> None:
    with python("-m", "infra.cli", "stack", "up", "--foreground", "--data", tmp_path / "data") as owner:
        assert owner.stderr is not None
        assert "ready in" in owner.stderr.readline()
        assert services_of(tmp_path) == ALL
        owner.send_signal(end)
        owner.wait(30)
        assert wait_until(lambda: services_of(tmp_path) == set(), 60.0), services_of(tmp_path)


def test_sigterm_during_the_start_leaves_no_process(tmp_path: Path) -> None:
    with python("-m", "infra.cli", "stack", "up", "--data", tmp_path / "data") as starting:
        assert wait_until(lambda: len(services_of(tmp_path)) > 1, 60.0)
        starting.terminate()
        assert "ended by SIGTERM" in starting.communicate(timeout=30)[1]
        assert services_of(tmp_path) == set()


def test_when_one_service_cannot_start_the_others_are_stopped(stack: Endpoints, tmp_path: Path) -> None:
    settings = _external(stack, embedded=["postgres", "redis"])
    with running_stack(tmp_path / "data", settings=settings):
        pass
    (tmp_path / "data" / "postgres" / "data" / "PG_VERSION").write_text("9\n")  # a cluster of another age
    with pytest.raises(ProcessError, match=r"(?s)postgres ended with status 1 before .*database files are"):
        Stack(tmp_path / "data", settings=settings).up()
    assert services_of(tmp_path) == set()


def test_kafka_takes_a_cluster_id_that_begins_with_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "uuid.uuid4", lambda: uuid.UUID(bytes=b"\xf8" + bytes(15))
    )  # one random id in 64 does
    settings = load_settings()
    kafka = Kafka(tmp_path / "kafka", (20_001, 20_002), settings.cache, settings.maven)
    kafka.prepare(lambda _state: None, threading.Event(), tmp_path / "kafka.log")
    assert "cluster.id=-AAA" in (tmp_path / "kafka" / "logs" / "meta.properties").read_text()


@pytest.mark.parametrize("name", ["kafka", "postgres", "redis"])
def test_a_taken_port_is_named_with_its_holder(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = spendlog("stack", "up", "--data", tmp_path / "data", f"--{name}-port", str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: port {port} for {name} is taken by python")
    assert f"(process {os.getpid()})" in done.stderr
    assert f"--{name}-port" in done.stderr
    assert services_of(tmp_path) == set()


def test_external_servers_are_used_instead_of_embedded_ones(stack: Endpoints, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Stack(data, settings=_external(stack, embedded=["redis"])) as mixed:
        assert (mixed.endpoints.kafka, mixed.endpoints.postgres) == (stack.kafka, stack.postgres)
        assert mixed.endpoints.redis != stack.redis
        assert services_of(tmp_path) == {"valkey-server"}
        with pytest.raises(StackError, match="kafka is external"):
            mixed.kill("kafka")


def test_an_external_server_that_is_away_is_named_without_its_password(
    stack: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.stack.stack._EXTERNAL_TIMEOUT_S", 0.5)
    away = StackSettings(
        kafka=stack.kafka, postgres="postgresql://me:secret@127.0.0.1:9/x", redis=stack.redis
    )
    with pytest.raises(StackError) as caught, running_stack(tmp_path / "data", settings=away):
        pass
    assert str(caught.value).startswith("SPENDLOG_POSTGRES=postgresql://me:***@127.0.0.1:9/x does not answer")


def test_a_download_that_fails_stops_the_start_with_its_message(tmp_path: Path) -> None:
    away = {"SPENDLOG_CACHE": str(tmp_path / "empty"), "SPENDLOG_MAVEN": "http://127.0.0.1:9/maven"}
    done = spendlog("stack", "up", "--data", tmp_path / "data", env=away)
    assert done.returncode == 1
    assert re.match(
        r"error: cannot download \S+:\S+:\S+ from http://127\.0\.0\.1:9/maven: no answer", done.stderr
    )
    assert services_of(tmp_path) == set()


@pytest.mark.parametrize("reset", [[], ["--reset"]])
def test_a_folder_with_files_of_others_is_refused_and_left_as_it_was(
    tmp_path: Path, reset: list[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = spendlog("stack", "up", "--data", tmp_path, *reset)
    assert done.returncode == 1
    assert "holds other files" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing")):
        done = spendlog("stack", "up", "--data", place)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: the data folder {place} "), done.stderr
        assert "--data" in done.stderr


def test_two_stacks_cannot_share_a_data_folder(stack: Endpoints, tmp_path: Path) -> None:
    with Stack(tmp_path / "data", settings=_external(stack)):
        done = spendlog("stack", "up", "--data", tmp_path / "data")
    assert done.returncode == 1
    assert f"is in use by process {os.getpid()}" in done.stderr


def test_reset_deletes_what_an_earlier_run_left(stack: Endpoints, tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = _external(stack, embedded=["redis"])
    with running_stack(data, settings=settings):
        (data / "old").write_text("")
    with running_stack(data, settings=settings):
        assert (data / "old").exists()
    with running_stack(data, settings=settings, reset=True):
        assert not (data / "old").exists()


def test_the_compose_file_has_the_same_versions() -> None:
    compose = (Path(infra.__file__).parent / "compose.yaml").read_text()
    images = dict(re.findall(r"image: (\S+):(\S+)", compose))
    assert images == {"apache/kafka": KAFKA, "postgres": POSTGRES, "valkey/valkey": VALKEY}


def test_status_without_a_folder_finds_what_the_demo_runs(tmp_path: Path) -> None:
    """As the demo records it, in a folder beside the default one."""
    from infra.processes.refs import ProcessRef
    from infra.stack.record import ServiceRecord, StackRecord

    env = {"SPENDLOG_DATA": str(tmp_path / "data")}
    nothing = spendlog("stack", "status", env=env)
    assert nothing.returncode == 3
    assert nothing.stdout == "down\n"
    assert str(tmp_path / "data") in nothing.stderr
    assert "--data FOLDER" in nothing.stderr

    me = ProcessRef.of(os.getpid())
    endpoints = Endpoints("127.0.0.1:1", "postgresql://a:b@127.0.0.1:2/c", "redis://127.0.0.1:3/0")
    services = {name: ServiceRecord(me, (1,), 15, "log") for name in ("kafka", "postgres", "redis")}
    (tmp_path / "data-demo").mkdir()
    StackRecord("embedded", me, endpoints, services).write(tmp_path / "data-demo")
    found = spendlog("stack", "status", env=env)
    assert found.returncode == 0, found.stderr
    assert "127.0.0.1:1" in found.stdout
    assert str(tmp_path / "data-demo") in found.stderr
    assert spendlog("stack", "status", "--data", str(tmp_path / "data"), env=env).returncode == 3
