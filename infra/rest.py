"""The REST API as commands call it: with the key of the settings, and its problems as one message."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from infra.errors import SpendlogError
from infra.settings import load_settings
from schemas.backoff import Backoff
from schemas.settings import SettingError

# 20 s: the API answers within 2 s, or is not there; a stream says something every 15 s.
TIMEOUT_S = 20.0
RECONNECT = Backoff(0.5, 10.0)


class ProblemAnswer(SpendlogError):
    """The API refused. `status`: of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Rest:
    """A session at the API of the settings."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **params: object) -> Any:
        """The body of its 200. Raises SpendlogError."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._call("GET", path, params=given).json()

    def post(self, path: str, body: Mapping[str, object], *, key: str) -> tuple[int, Any]:
        """Status and body, where it is no problem. `key`: the Idempotency-Key. Raises SpendlogError."""
        headers = {"Idempotency-Key": key, "Prefer": "wait=2"}
        answer = self._call("POST", path, json=body, headers=headers)
        return answer.status_code, answer.json()

    def ask(self, path: str, body: Mapping[str, object]) -> Any:
        """POST of what only reads; the body of its 200. Raises SpendlogError."""
        return self._call("POST", path, json=body).json()

    def download(self, path: str, body: Mapping[str, object], out: Path) -> int:
        """POST of what only reads; see `fetch`."""
        return self.fetch("POST", path, out, json=body)

    def fetch(self, method: str, path: str, out: Path, **more: Any) -> int:
        """An answer into the file `out`, which is there whole or as it was.

        Returns its length in bytes. Raises SpendlogError.
        """
        part = out.with_name(f"{out.name}.part")
        try:
            with self._call(method, path, stream=True, **more) as answer, part.open("wb") as file:
                for piece in answer.iter_content(1 << 16):
                    file.write(piece)
            length = part.stat().st_size
            part.replace(out)
        except requests.RequestException:
            raise SpendlogError(f"the answer was cut off; {out} is as it was: try again") from None
        except OSError as error:
            raise SpendlogError(f"{out} cannot be written: {error.strerror}") from None
        finally:
            part.unlink(missing_ok=True)
        return length

    def change(self, path: str, body: Mapping[str, object]) -> Any:
        """PATCH; the body of its answer. Raises SpendlogError."""
        return self._call("PATCH", path, json=body).json()

    def put(self, path: str, body: Mapping[str, object]) -> Any:
        """PUT of what needs no Idempotency-Key; the body of its answer. Raises SpendlogError."""
        return self._call("PUT", path, json=body).json()

    def upload(self, path: str, name: str, content: bytes, **fields: str | None) -> tuple[int, Any]:
        """Status and body, where it is no problem, of a form with one file. Raises SpendlogError."""
        given = {field: value for field, value in fields.items() if value is not None}
        answer = self._call("POST", path, files={"file": (name, content)}, data=given)
        return answer.status_code, answer.json()

    def delete(self, path: str) -> None:
        """Raises SpendlogError."""
        self._call("DELETE", path)

    def events(self, path: str, *, last: str | None, **params: object) -> Iterator[tuple[str, Any]]:
        """Id and data of each server-sent event, for ever; after a break it goes on where it was.

        `last`: the id to go on after. Raises SpendlogError: refused, or nobody there at the first try.
        """
        given = {name: value for name, value in params.items() if value is not None}
        failures = 0
        while True:
            headers = {} if last is None else {"Last-Event-ID": last}
            try:
                answer = self._call("GET", path, params=given, headers=headers, stream=True)
                with answer:
                    for event_id, data in server_sent(answer.iter_lines(decode_unicode=True)):
                        last, failures = event_id or last, 0
                        yield event_id, data
            except requests.RequestException:
                pass  # the server stops, or the line was cut
            except SpendlogError as error:
                if last is None or (isinstance(error, ProblemAnswer) and error.status < 500):
                    raise
            failures += 1
            time.sleep(RECONNECT.wait_s(failures))

    def close(self) -> None:
        self._session.close()

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            answer = self._session.request(method, self._url + path, timeout=TIMEOUT_S, **more)
        except requests.RequestException as error:
            words = "does not answer in time" if isinstance(error, requests.Timeout) else "cannot be reached"
            raise SpendlogError(f"the API at {self._url} {words}; SPENDLOG_API_URL names it") from None
        if not answer.ok:
            raise ProblemAnswer(answer.status_code, _told(answer))
        return answer


def server_sent(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Id and JSON data of each event of a stream, as the HTML standard writes them; comments are left out."""
    event_id = ""
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield event_id, json.loads("\n".join(data))
            event_id, data = "", []
        elif name == "id":
            event_id = value
        elif name == "data":
            data.append(value)


@contextmanager
def connected() -> Iterator[Rest]:
    """Raises SettingError when there is no key."""
    settings = load_settings()
    if settings.api_key is None:
        raise SettingError(
            "setting SPENDLOG_API_KEY is missing: an API key, from `spendlog keys create --organization ORG`"
        )
    rest = Rest(settings.api_url, settings.api_key.get_secret_value())
    try:
        yield rest
    finally:
        rest.close()


def _told(answer: requests.Response) -> str:
    """A problem's detail, and each member that is wrong on a line of its own."""
    try:
        problem = answer.json()
        lines = [f"{problem['detail']} ({answer.status_code} {problem['code']})"]
    except (ValueError, KeyError, TypeError):
        return f"the API answered {answer.status_code}"
    near = problem.get("suggestions", [])
    if not near:
        lines += [f"  {error['field']}: {error['message']}" for error in problem.get("errors", [])]
    lines += [f"  ask: {question}" for question in near]
    return "\n".join(lines)
