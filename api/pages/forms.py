"""Forms: what was typed is judged by the models of the API and done once; a secret is shown once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from fastapi import Request
from pydantic import ValidationError
from starlette.responses import Response

from api.http.preferences import IdempotencyKey
from api.http.problems import Problem
from api.pages.frame import page

T = TypeVar("T")

#: What the API says to programs, for who sits at a form with one field for each.
_AT_A_FORM: Final = {
    "wrong_credentials": "That is not your password.",
    "code_required": "Now the code of your authenticator.",
}


def once(key: str) -> IdempotencyKey:
    """A form carries its own name: sent twice, it is done once."""
    return IdempotencyKey(f"page-{key}")


def valid(make: Callable[[], T]) -> T:
    """What `make` gives. Raises Problem 422 with the first thing that is wrong, in words."""
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][0]).replace("_", " ") if first["loc"] else "this"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise Problem(422, "invalid_request", f"{where}: {message}.") from None


def words_of(problem: Problem) -> str:
    """What was wrong, with the first field's own words."""
    if problem.errors and problem.errors[0].code == "weak_password":
        return f"The password {problem.errors[0].message}."
    if problem.errors:
        return problem.errors[0].message
    return _AT_A_FORM.get(problem.code, str(problem.detail))


class ShownOnce(NamedTuple):
    """A page with a secret. `secret`: None, it was shown before or has gone by e-mail.

    `above`: word and address of the pages above it. `after`: what leads on. `kept`: where to keep it, and
    what to do when it is lost; `instead`: what is said where there is no secret to show.
    """

    title: str
    words: str
    secret: str | None
    above: tuple[tuple[str, str], ...]
    after: tuple[str, str]
    kept: str
    instead: str


def show_once(request: Request, shown: ShownOnce) -> Response:
    """The one page that shows it; it is in no address and in no history."""
    return page(request, "once", shown=shown)
