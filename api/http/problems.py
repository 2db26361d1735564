"""Errors as `application/problem+json` (RFC 9457) with a stable `code`.

`code` is for programs and never changes its meaning; `detail` is for people and may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.http.guide import Guide
from api.http.problem_types import title_of, type_of
from schemas.card_numbers import masked

MEDIA_TYPE = "application/problem+json"
_INPUT_PLACES = {"body", "query", "path", "header", "cookie"}


class FieldError(BaseModel):
    """One member that is wrong."""

    field: str = Field(
        description="where it is, for example `body.amount.minor`", examples=["body.amount.minor"]
    )
    code: str = Field(description="stable name of what is wrong", examples=["greater_than"])
    message: str = Field(examples=["Input should be greater than 0"])


class ProblemBody(BaseModel):
    """A problem detail of RFC 9457. Further members may stand beside these."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="resolves to what it means", examples=["/problems/unknown_department"])
    code: str = Field(examples=["unknown_department"])
    title: str = Field(examples=["There is no such department"])
    status: int = Field(examples=[404])
    detail: str
    instance: str = Field(description="the path that was asked for", examples=["/v1/authorizations"])
    request_id: str = Field(description="to find this request in the log of the service")
    errors: list[FieldError] | None = Field(default=None, description="what is wrong with the input")
    position: str | None = Field(default=None, description="`partition:seq` of the decision that says so")


class Problem(HTTPException):
    """Raise it anywhere in a request; the caller gets it as problem+json."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
        **members: object,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code
        self.errors = errors
        self.members = members


# What the framework itself answers, by status; `http_418` and so on for what is not named here.
_FRAMEWORK_CODES = {
    400: "malformed_request",
    415: "unsupported_media_type",
}
_FRAMEWORK_DETAILS = {
    400: "The body cannot be parsed: it is nested too deeply, or has a number of thousands of digits.",
}


def problem_response(request_scope: Mapping[str, Any], problem: HTTPException) -> Response:
    """The answer for a problem, our own or the framework's."""
    status = problem.status_code
    if isinstance(problem, Problem):
        code, detail, errors, members = problem.code, problem.detail, problem.errors, problem.members
    else:
        code = _FRAMEWORK_CODES.get(status, f"http_{status}")
        detail, errors, members = _FRAMEWORK_DETAILS.get(status, str(problem.detail)), (), {}
    body: dict[str, object] = {
        "type": type_of(code),
        "code": code,
        "title": title_of(code, status),
        "status": status,
        "detail": masked(detail),
        "instance": masked(request_scope.get("path", "")),
        "request_id": request_scope.get("state", {}).get("request_id", ""),
    }
    if errors:
        # They tell what was found, names of members too, but never a card number.
        body["errors"] = [
            {name: masked(text) for name, text in error.model_dump().items()} for error in errors
        ]
    body.update(members)
    return Response(_encode(body), status, dict(problem.headers or {}), MEDIA_TYPE)


def _encode(body: dict[str, object]) -> bytes:
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        # A path or header may hold bytes that are no UTF-8; they came in as lone surrogates.
        clean = {
            name: value.encode(errors="replace").decode() if isinstance(value, str) else value
            for name, value in body.items()
        }
        return msgspec.json.encode(clean)


def _from_validation(error: RequestValidationError) -> Problem:
    found = [_field_error(entry) for entry in error.errors()]
    if any(entry.code == "json_invalid" for entry in found):
        return Problem(400, "malformed_json", f"The body is not JSON: {found[0].message}.", errors=found)
    missing = [entry.field for entry in found if entry.code == "missing"]
    if "header.idempotency-key" in missing:
        return Problem(
            400,
            "idempotency_key_missing",
            "The header Idempotency-Key is required here: your name for this request, for example a UUID.",
            errors=found,
        )
    return invalid_request(found)


def invalid_request(errors: Sequence[FieldError]) -> Problem:
    """422 for the members of the input that are wrong, named with what is wrong."""
    shown = "; ".join(f"{error.field}: {error.message.rstrip('.')}" for error in errors[:3])
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return Problem(422, "invalid_request", f"Not as it must be: {shown}{more}.", errors=errors[:50])


def _field_error(entry: Mapping[str, Any]) -> FieldError:
    place, *path = (str(part)[:80] for part in entry["loc"]) if entry["loc"] else ("request",)
    message = str(entry["msg"]).removeprefix("Value error, ")
    if entry["type"] == "json_invalid":
        message = f"{entry.get('ctx', {}).get('error', message)}, at character {path[-1] if path else '?'}"
        path = []
    elif entry["type"] == "model_attributes_type":
        message = f"must be an object, and is {_kind(entry.get('input'))}"
    field = ".".join([place, *path])
    return FieldError(field=_printable(field), code=str(entry["type"]), message=_printable(message)[:300])


def _kind(value: object) -> str:
    """What JSON calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()


#: The page for a person to whom a problem happens; None for programs.
ProblemPage = Callable[[Request, HTTPException], Response | None]


def install(app: FastAPI, guide: Guide, page: ProblemPage) -> None:
    """Makes every error answer of `app` a problem; `guide` knows its paths."""

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if not isinstance(error, Problem):
            error = _guided(request, guide, error)
        return page(request, error) or problem_response(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        problem = _from_validation(error)
        return page(request, problem) or problem_response(request.scope, problem)


def nothing_here(guide: Guide, path: str) -> Problem:
    near = guide.nearest(path)
    meant = f" Did you mean {near}?" if near else " GET /openapi.json lists all paths."
    return Problem(404, "no_such_resource", f"There is nothing at this path.{meant}")


def _guided(request: Request, guide: Guide, error: HTTPException) -> HTTPException:
    """The router's own two, in words that help."""
    path, method = request.scope["path"], request.scope["method"]
    if error.status_code == 404:
        return nothing_here(guide, path)
    if error.status_code == 405:
        allowed = guide.allowed(path)
        words = f"There is no {method} at this path; it knows {allowed}."
        return Problem(405, "method_not_allowed", words, headers={"Allow": allowed})
    return error


def unexpected() -> Problem:
    """What a caller sees of a defect of ours: nothing of its inside."""
    return Problem(
        500, "internal_error", "Something went wrong here. The request id finds it in the service's log."
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for its OpenAPI description."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


_MEANINGS = {
    400: "The request cannot be read: broken JSON, no Idempotency-Key, a malformed position.",
    401: "No API key or session, or one that is not valid.",
    402: "`declined`: the purchase was declined for a limit, a rule or its card; `reasons` have the numbers, "
    "`would_pass` says what would pass.",
    403: "The API key or the role does not have the scope of this operation, or it does not reach so far "
    "(`out_of_reach`); or `fraud_detected`: a purchase was declined by a rule against fraud.",
    404: "It does not exist, or not for the organization of the caller.",
    405: "The path does not know the method; Allow names those it knows.",
    409: "`request_in_flight`: the request with this Idempotency-Key is in the log and still undecided at "
    "the end of the wait; repeat it later. `authorization_exists`, `refund_exists`, `dispute_exists`, "
    "`request_exists`, `card_exists`: the id is that of another one.",
    412: "`precondition_failed`: it was changed since `If-Match` was its `ETag`. Nothing was written.",
    413: "The body is larger than is taken here: 62 KiB of JSON, 10 MB of a file.",
    415: "The body is not application/json.",
    422: "The input is not valid, the event was rejected, or (`idempotency_key_reused`) the Idempotency-Key "
    "is that of a request with other content, decided or not.",
    429: "Too many requests (`rate_limited`) or tries to sign in; Retry-After says when to try again.",
    500: "A defect of the service; `request_id` finds it in its log.",
    502: "What was asked outside, a domain's name servers, failed or did not answer. Nothing was written.",
    503: "A service that is needed is away. Nothing was written; Retry-After says when to try again.",
}
