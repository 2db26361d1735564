"""A language model behind a real HTTP server: it may say which query is meant, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.access.keys import create_key
from api.api_settings import ApiSettings
from tests.api.support import Views, serving, wait_ready


class Model(ThreadingHTTPServer):
    """Answers each question with `content`; keeps what it was asked."""

    content: str = "{}"
    status: int = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
        told = json.dumps({"choices": [{"message": {"content": self.server.content}}]}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


@pytest.fixture(scope="module")
def helped(settings: ApiSettings, model: Model) -> Iterator[str]:
    """An API that has the model."""
    how = settings.model_copy(
        update={
            "questions_model_url": f"http://127.0.0.1:{model.server_address[1]}/v1",
            "questions_model": "small",
            "questions_model_key": SecretStr("sk-test"),
        }
    )
    with serving(how) as base_url:
        wait_ready(base_url)
        yield base_url


@pytest.fixture
def asking(helped: str, settings: ApiSettings, organization: str, views: Views) -> Iterator[httpx.Client]:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="model")
    views.budget(organization, "engineering", 5_000)
    with httpx.Client(base_url=helped, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client:
        yield client


def test_what_the_grammar_does_not_understand_the_model_may(asking: httpx.Client, model: Model) -> None:
    model.content = json.dumps({"measure": "count", "names": {"department": ["Engineering"]}})
    body = asking.post("/v1/questions", json={"question": "gimme the tally for Engineering"}).json()
    assert body["by_assistant"] is True
    assert body["query"]["measure"] == "count"
    assert body["query"]["names"]["department"] == ["engineering"]
    told = model.asked[-1]
    assert (told["path"], told["model"], told["key"]) == ("/v1/chat/completions", "small", "Bearer sk-test")
    assert told["messages"][1] == {"role": "user", "content": "gimme the tally for Engineering"}


def test_what_the_grammar_understands_and_what_would_write_goes_to_no_model(
    asking: httpx.Client, model: Model
) -> None:
    before = len(model.asked)
    assert asking.post("/v1/questions", json={"question": "spend"}).json()["by_assistant"] is False
    assert asking.post("/v1/questions", json={"question": "delete Engineering"}).status_code == 422
    assert len(model.asked) == before


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "no JSON",
        "[]",
        '{"sql": "SELECT 1"}',
        '{"measure": "everything"}',
        '{"names": {"department": ["Another company"]}}',
        '{"names": {"merchant": ["x\' OR 1=1"]}}',
        '{"measure": "left", "names": {"category": ["travel"]}}',
    ],
)
def test_what_a_model_says_is_validated_as_anybody_s(
    asking: httpx.Client, model: Model, content: str
) -> None:
    model.content = content
    problem = asking.post("/v1/questions", json={"question": "gimme unicorns"}).json()
    assert (problem["code"], problem["fault"]) == ("question_not_understood", "unknown_word")


def test_a_model_that_is_away_changes_nothing(asking: httpx.Client, model: Model) -> None:
    model.status = 500
    try:
        problem = asking.post("/v1/questions", json={"question": "gimme unicorns"}).json()
    finally:
        model.status = 200
    assert problem["code"] == "question_not_understood"
