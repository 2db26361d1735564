"""An endpoint that speaks as OpenAI's does may turn a text that is not understood into a typed query; off by
default.

It gets the question, the day, and the query's JSON schema; it gives a query, never SQL, and what it gives is
validated as anybody's: a name that does not occur in the organization, or that the asking person may not see,
is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpcore
import msgspec
import structlog
from pydantic import ValidationError

from api.questions.fiscal_calendar import OrgCalendar
from api.questions.organization_names import Directory, words_of
from api.questions.query import KINDS, AskedNames, Kind, Query

log = structlog.get_logger(__name__)

TIMEOUT_S: Final = 4.0
_ANSWER_BYTES_MAX: Final = 64 * 1024
_TASK: Final = (
    "You turn a question about a company's card purchases into one JSON object by this schema, and answer "
    "with that object alone. Departments, teams, people, merchants and cards are named as in the question. "
    "Today is {today}. If it is no such question, or would change something, answer {{}}. Schema: {schema}"
)


@dataclass(frozen=True, slots=True)
class Assistant:
    """`url`: what `/chat/completions` is put behind, for example http://127.0.0.1:8000/v1."""

    url: str
    model: str
    key: str | None = None

    async def query(self, text: str, directory: Directory, calendar: OrgCalendar) -> Query | None:
        """None: it gave none, none in time, or one that is not valid."""
        try:
            found = Query.model_validate_json(await self._content(text, calendar))
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            log.warning("question_assistant_away", error=type(error).__name__)
            return None
        except (msgspec.MsgspecError, ValidationError, _NoAnswer) as error:
            log.info("question_assistant_unusable", error=str(error)[:200])
            return None
        names, without = (_resolved(given, directory) for given in (found.names, found.without))
        if names is None or without is None or found == Query():
            return None
        return found.model_copy(update={"names": names, "without": without})

    async def _content(self, text: str, calendar: OrgCalendar) -> str:
        schema = msgspec.json.encode(Query.model_json_schema()).decode()
        task = _TASK.format(today=calendar.today.isoformat(), schema=schema)
        body = {
            "model": self.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [{"role": "system", "content": task}, {"role": "user", "content": text}],
        }
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        limits = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
        async with httpcore.AsyncConnectionPool(max_connections=1) as pool:
            answer = await pool.request(
                "POST",
                f"{self.url.rstrip('/')}/chat/completions",
                headers=headers,
                content=msgspec.json.encode(body),
                extensions={"timeout": limits},
            )
        if answer.status != 200 or len(answer.content) > _ANSWER_BYTES_MAX:
            raise _NoAnswer(f"status {answer.status}, {len(answer.content)} bytes")
        return msgspec.json.decode(answer.content, type=_Completion).choices[0].message.content


class _NoAnswer(Exception):
    pass


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("no choice")


def _resolved(given: AskedNames, directory: Directory) -> AskedNames | None:
    """Names as the directory knows them. None: one of them does not occur there, or means two."""
    found: dict[str, Any] = {"category": given.category}
    for kind in KINDS:
        if kind != "category":
            ids = [_ids(kind, name, directory) for name in given.of(kind)]
            if not all(ids):
                return None
            found[kind] = tuple(one for each in ids for one in each)
    return AskedNames.model_validate(found)


def _ids(kind: Kind, name: str, directory: Directory) -> tuple[str, ...]:
    things = [one for one in directory.by_words.get(words_of(name), ()) if one.kind == kind]
    return things[0].ids if len(things) == 1 else ()
