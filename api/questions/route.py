"""`POST /v1/questions`: a question in plain language, or the typed query that it would be understood as."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response

from api.access.keys import Principal, Scope
from api.access.people import Person, reach_of
from api.access.reach import WITHIN_REACH
from api.access.roles import Reach
from api.access.security import KeyedRoute, needs
from api.http.preferences import MEMBERS_ONCE
from api.http.problems import FieldError, Problem, responses
from api.http.safe_csv import csv_of
from api.http.types import Input, Text
from api.questions.answer import AnswerOut
from api.questions.answer_table import text_rows
from api.questions.answering import Questions
from api.questions.assistant import Assistant
from api.questions.errors import NotUnderstood
from api.questions.lexer import LENGTH_MAX
from api.questions.parameters import Asker
from api.questions.parse import understood
from api.questions.query import Query
from api.questions.suggest import nearest
from api.resources.organization_paths import OfOrganization, ReadingAll, read_responses, shown
from api.stores.questions import QuestionReads

router = APIRouter(tags=["questions"], route_class=KeyedRoute)


class QuestionIn(Input):
    """One of the two."""

    model_config = ConfigDict(title="Question")

    question: Text | None = Field(
        default=None,
        min_length=1,
        max_length=LENGTH_MAX,
        description="in English",
        examples=["travel over 500 in Sales last quarter by merchant"],
    )
    query: Query | None = Field(default=None, description="as an answer has it, changed as you like")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.question is None) == (self.query is None):
            raise ValueError("give either question or query")
        return self


@router.post(
    "/v1/questions",
    summary="Ask a question",
    response_model=AnswerOut,
    dependencies=[MEMBERS_ONCE],
    openapi_extra=needs(Scope.AUTHORIZATIONS_READ, own=WITHIN_REACH),
    responses={
        **read_responses(
            "The answer, with the query that the question was understood as; or, by `Accept: text/csv`, "
            "its table alone. 422 `question_not_understood` says which word is not, and names three "
            "questions that are near."
        ),
        **responses(413, 415),
    },
)
async def ask(
    reading: ReadingAll,
    body: QuestionIn,
    accept: Annotated[str | None, Header(description="`text/csv` for the table alone")] = None,
) -> Response:
    """Reads and changes nothing. An employee asks about his own purchases, a finance manager with departments
    about these. Answered by a role of PostgreSQL that can only read, within 5 seconds."""
    questions = await questions_of(reading)
    answer = await answered(questions, body.question, body.query)
    if accept is not None and accept.split(";")[0].strip() == "text/csv":
        return csv_answer(answer)
    return shown(answer, reading.wait, reading.position)


def csv_answer(answer: AnswerOut) -> Response:
    header, rows = text_rows(answer)
    return Response(
        csv_of(header, rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="answer.csv"'},
    )


async def questions_of(reading: OfOrganization) -> Questions:
    """Those of the one who asks. Raises Problem 503."""
    caller = reading.caller
    services = reading.services
    reads = QuestionReads(
        services.ledger,
        caller.organization_id,
        reading.position,
        services.reading(reading.wait, reading.position, since=reading.since),
    )
    me = caller.employee if isinstance(caller, Person) else None
    settings = services.settings
    found = await Questions.of(reads, asker_of(caller), me, datetime.now(UTC), services.question_directories)
    if settings.questions_model_url is None:
        return found
    key = settings.questions_model_key
    assistant = Assistant(
        settings.questions_model_url,
        settings.questions_model,
        None if key is None else key.get_secret_value(),
    )
    return replace(found, assistant=assistant)


def asker_of(caller: Principal) -> Asker:
    """As far as his permission to read purchases reaches."""
    reach = reach_of(caller, Scope.AUTHORIZATIONS_READ)
    if not isinstance(caller, Person) or reach is Reach.ORGANIZATION:
        return Asker(caller.organization_id)
    if reach is Reach.DEPARTMENTS:
        return Asker(caller.organization_id, departments=tuple(sorted(caller.departments)))
    return Asker(caller.organization_id, own=(caller.employee, caller.actor))


async def answered(questions: Questions, text: str | None, query: Query | None) -> AnswerOut:
    """Raises Problem: 422, it is not understood; 503."""
    try:
        return await _answered(questions, text, query)
    except Problem as problem:
        if problem.code != "question_not_understood" or (later := await questions.again()) is None:
            raise
        return await _answered(later, text, query)  # a name that has just come


async def _answered(questions: Questions, text: str | None, query: Query | None) -> AnswerOut:
    try:
        if query is not None:
            return await questions.answer(query)
        # In a thread: thousands of names take a moment, in which others' purchases are answered.
        found = await asyncio.to_thread(understood, text or "", questions.directory, questions.clock)
        return await questions.answer(found.query, found.corrected)
    except NotUnderstood as fault:
        if text is not None and (other := await _by_assistant(questions, text, fault)) is not None:
            return other
        raise await asyncio.to_thread(not_understood, fault, text, questions) from None


async def _by_assistant(questions: Questions, text: str, fault: NotUnderstood) -> AnswerOut | None:
    """What a language model took it for, where one is configured; never for what would change something."""
    if questions.assistant is None or fault.fault == "not_a_question":
        return None
    query = await questions.assistant.query(text, questions.directory, questions.clock)
    if query is None:
        return None
    try:
        return (await questions.answer(query)).model_copy(update={"by_assistant": True})
    except NotUnderstood:
        return None


def not_understood(fault: NotUnderstood, text: str | None, questions: Questions) -> Problem:
    near = nearest(text, fault, questions.directory, questions.clock) if text is not None else []
    members: dict[str, Any] = {"fault": fault.fault, "suggestions": near}
    if text is not None and fault.end:
        members |= {"word": text[fault.start : fault.end], "start": fault.start, "end": fault.end}
    field = "body.question" if text is not None else "body.query"
    return Problem(
        422,
        "question_not_understood",
        f"{fault.detail[:1].upper()}{fault.detail[1:]}.",
        errors=[FieldError(field=field, code=fault.fault, message=fault.detail)],
        **members,
    )
