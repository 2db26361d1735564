"""What the `type` of a problem resolves to: its meaning and what to do, for programs and for people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from api.http import reference
from api.http.preferences import wants_page
from api.http.problem_types import PATH, PROBLEM_TYPES, type_of
from api.http.problems import Problem, responses
from api.resources.replies import reply

router = APIRouter(prefix=PATH, tags=["operations"])


class ProblemTypeOut(BaseModel):
    """A kind of problem."""

    model_config = ConfigDict(title="ProblemType")

    type: str = Field(examples=["/problems/unknown_department"])
    code: str = Field(examples=["unknown_department"])
    status: list[int] = Field(description="what it is answered with", examples=[[404]])
    title: str = Field(examples=["There is no such department"])
    means: str
    do: str = Field(description="what to do about it")


class ProblemTypeListOut(BaseModel):
    """All kinds of problems."""

    model_config = ConfigDict(title="ProblemTypes")

    problem_types: list[ProblemTypeOut]


@router.get("", summary="List problem types", response_model=ProblemTypeListOut)
async def list_problem_types(request: Request) -> Response:
    """Every `code` that an answer may have. As a page where the request accepts `text/html`."""
    if wants_page(request):
        return _page(reference.problems_page(PROBLEM_TYPES))
    found = [_out(code) for code in PROBLEM_TYPES]
    return reply(ProblemTypeListOut(problem_types=found), 200, Vary="Accept")


@router.get(
    "/{code}",
    summary="Look at a problem type",
    response_model=ProblemTypeOut,
    responses=responses(404, 422),
)
async def read_problem_type(
    request: Request,
    code: Annotated[str, Path(max_length=64, description="of a problem", examples=["unknown_department"])],
) -> Response:
    """What a `code` means and what to do about it. As a page where the request accepts `text/html`."""
    if code not in PROBLEM_TYPES:
        raise Problem(
            404, "no_such_resource", f"There is no problem type {code[:80]!r}; GET {PATH} lists all."
        )
    if wants_page(request):
        return _page(reference.problem_page(code, PROBLEM_TYPES[code]))
    return reply(_out(code), 200, Vary="Accept")


def _page(html: str) -> Response:
    headers = {"Content-Security-Policy": reference.CONTENT_SECURITY_POLICY, "Vary": "Accept"}
    return HTMLResponse(html, headers=headers)


def _out(code: str) -> ProblemTypeOut:
    known = PROBLEM_TYPES[code]
    return ProblemTypeOut(
        type=type_of(code), code=code, status=known.status, title=known.title, means=known.means, do=known.do
    )
