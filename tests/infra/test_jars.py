"""Kafka's jars: fetched once, only the pinned bytes, used offline; a clear error otherwise."""

import hashlib
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.stack.endpoints import StackError
from infra.stack.jars import Jar, fetch_jars, pinned_jars
from infra.stack.versions import KAFKA
from infra.stack_settings import load_settings

NOWHERE = "http://127.0.0.1:9/maven"  # the discard port: nothing listens there
JAR = Jar("org.example:thing:1.0", hashlib.sha256(b"the real bytes").hexdigest())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A Maven repository over HTTP with one artifact."""
    folder = tmp_path / "repository"
    file = folder / JAR.path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"the real bytes")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", folder
        finally:
            server.shutdown()
            thread.join()


def fetch(cache: Path, url: str, jars: list[Jar] | None = None) -> list[Path]:
    return fetch_jars(cache, url, lambda _state: None, threading.Event(), jars)


def test_a_jar_is_downloaded_once_and_then_used_without_network(
    repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = repository
    [file] = fetch(tmp_path / "cache", url, [JAR])
    assert file.read_bytes() == b"the real bytes"
    shutil.rmtree(folder)
    assert fetch(tmp_path / "cache", NOWHERE, [JAR]) == [file]


def test_other_bytes_than_the_pinned_ones_are_refused_and_not_kept(
    repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = repository
    (folder / JAR.path).write_bytes(b"the real bytez")
    with pytest.raises(StackError, match=r"org\.example:thing:1\.0 .* is not the pinned file: SHA-256"):
        fetch(tmp_path / "cache", url, [JAR])
    assert not list((tmp_path / "cache").rglob("*.jar"))


def test_a_failing_download_names_the_artifact_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StackError) as caught:
        fetch(tmp_path / "cache", NOWHERE, [JAR])
    message = str(caught.value)
    assert message.startswith(f"cannot download org.example:thing:1.0 from {NOWHERE}: no answer")
    assert "needs Maven Central once" in message
    assert "SPENDLOG_KAFKA" in message


def test_a_version_that_does_not_exist_is_named(repository: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = repository
    with pytest.raises(StackError, match=r"org\.example:thing:9\.9 .*status 404"):
        fetch(tmp_path / "cache", url, [Jar("org.example:thing:9.9", JAR.sha256)])


def test_a_cache_that_cannot_be_written_is_named(repository: tuple[str, Path], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(StackError, match=r"cache folder .* cannot be written: .* SPENDLOG_CACHE"):
        fetch(tmp_path / "cache", repository[0], [JAR])


def test_the_pinned_list_is_kafka_of_the_declared_version() -> None:
    coordinates = [jar.coordinate for jar in pinned_jars()]
    assert f"org.apache.kafka:kafka_2.13:{KAFKA}" in coordinates
    assert all(
        coordinate.endswith(f":{KAFKA}")
        for coordinate in coordinates
        if coordinate.startswith("org.apache.kafka:")
    )


def test_the_whole_list_is_used_offline_once_it_is_cached() -> None:
    settings = load_settings()
    fetch(settings.cache, settings.maven)
    assert len(fetch(settings.cache, NOWHERE)) == len(pinned_jars())
