"""No code is answered without a page that says what it means; the table has no other codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

import api
from api.http.problem_types import PROBLEM_TYPES, type_of
from schemas.reasons import CONFLICTS, ReasonCode

MAKERS = {"Problem", "refusal"}
#: Codes that are no text in the call: what they are is tested by name below.
ELSEWHERE = {
    "KEY_REUSED",
    "first.code",
    "refused.code",
    "reason.code.value",
    "ReasonCode.INVALID_POLICY.value",
    "_UNKNOWN[noun]",
}


class Answer(NamedTuple):
    """A problem that some line of the API makes. `status`: None where the line works it out."""

    code: str
    status: int | None
    where: str


def answers(sources: dict[str, ast.Module]) -> Iterator[Answer]:
    """Every `Problem(status, code, ...)`, and those by functions that are given the code or the status."""
    for name, tree in sources.items():
        for function, call in _calls(tree):
            if isinstance(call.func, ast.Name) and call.func.id in MAKERS and len(call.args) >= 2:
                where = f"{name}:{call.lineno}"
                status, code = call.args[:2]
                for word in _words(code, function, sources, where):
                    number = status.value if isinstance(status, ast.Constant) else None
                    yield Answer(word, number if isinstance(number, int) else None, where)


def _calls(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | None, ast.Call]]:
    """Each call with the innermost function that it stands in."""

    def walk(node: ast.AST, function: ast.FunctionDef | ast.AsyncFunctionDef | None) -> Iterator[
        tuple[ast.FunctionDef | ast.AsyncFunctionDef | None, ast.Call]
    ]:  # fmt: skip
        for child in ast.iter_child_nodes(node):
            inside = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(child, ast.Call):
                yield function, child
            yield from walk(child, inside)

    return walk(tree, None)


def _words(
    code: ast.expr,
    function: ast.FunctionDef | ast.AsyncFunctionDef | None,
    sources: dict[str, ast.Module],
    where: str,
) -> list[str]:
    """The codes that an expression may be: its texts, or those that its function is given for it."""
    if isinstance(code, ast.IfExp):
        return [
            word for branch in (code.body, code.orelse) for word in _words(branch, function, sources, where)
        ]
    if isinstance(code, ast.Constant) and isinstance(code.value, str):
        return [code.value]
    if ast.unparse(code) in ELSEWHERE:
        return []
    names = [] if function is None else [one.arg for one in function.args.args]
    assert isinstance(code, ast.Name) and code.id in names and function is not None, (
        f"{where}: {ast.unparse(code)}"
    )
    number = names.index(code.id) - (names[0] == "self")
    given = [
        call.args[number]
        for tree in sources.values()
        for _, call in _calls(tree)
        if isinstance(call.func, ast.Name) and call.func.id == function.name and len(call.args) > number
    ]
    return [word for one in given for word in _words(one, None, sources, where)]


@pytest.fixture(scope="module")
def sources() -> dict[str, ast.Module]:
    room = Path(api.__file__).parent
    return {str(file.relative_to(room)): ast.parse(file.read_text()) for file in room.rglob("*.py")}


def rejections() -> set[str]:
    """Reasons for which an event is rejected: those after the reasons of declines and reviews."""
    codes = list(ReasonCode)
    rejecting = set(codes[codes.index(ReasonCode.UNDECODABLE) :]) - CONFLICTS | {
        ReasonCode.AUTHORIZATION_EXISTS
    }
    return {code.value for code in rejecting}


def test_every_code_that_a_line_answers_has_its_page(sources: dict[str, ast.Module]) -> None:
    found = list(answers(sources))
    assert len(found) > 90, "the reader of the sources finds no calls any more"
    without = [one for one in found if one.code not in PROBLEM_TYPES]
    assert without == []
    other = [
        one for one in found if one.status is not None and one.status not in PROBLEM_TYPES[one.code].status
    ]
    assert other == []


def test_every_reason_for_which_a_file_is_refused_has_its_page(sources: dict[str, ast.Module]) -> None:
    codes = {
        ast.literal_eval(call.args[0])
        for _, call in _calls(sources["receipts/admission.py"])
        if isinstance(call.func, ast.Name) and call.func.id == "ReceiptRefused"
    }
    assert len(codes) >= 10 and codes <= PROBLEM_TYPES.keys()


def test_every_reason_of_a_rejection_has_its_page() -> None:
    assert rejections() - PROBLEM_TYPES.keys() == set()


def test_the_table_has_no_code_that_nobody_answers(sources: dict[str, ast.Module]) -> None:
    texts = {
        node.value
        for tree in sources.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert PROBLEM_TYPES.keys() - texts - rejections() == set()


def test_a_code_without_a_page_is_found() -> None:
    text = "def f(code):\n    raise Problem(409, code, '')\nf('on_fire')\n"
    text += "refusal(400, 'odd' if 1 else 'even', '')"
    found = answers({"some.py": ast.parse(text)})
    assert [(one.code, one.status) for one in found] == [("on_fire", 409), ("odd", 400), ("even", 400)]


def test_each_type_says_in_sentences_what_it_means_and_what_to_do() -> None:
    for code, kind in PROBLEM_TYPES.items():
        assert kind.status and all(400 <= status < 600 for status in kind.status), code
        assert kind.title and not kind.title.endswith("."), code
        for words in (kind.means, kind.do):
            assert words.endswith((".", "?")) and 12 < len(words) < 250, (code, words)


def test_the_type_of_a_problem_resolves(server: str) -> None:
    """As a program, and as a person in a browser."""
    problem = httpx.get(f"{server}/v1/departments", timeout=60).json()
    assert problem["type"] == "/problems/missing_api_key"
    told = httpx.get(server + problem["type"], timeout=60)
    assert told.status_code == 200, told.text
    assert {"type", "code", "title"} <= told.json().keys()
    assert {name: told.json()[name] for name in ("type", "code", "title")} == {
        name: problem[name] for name in ("type", "code", "title")
    }
    page = httpx.get(server + problem["type"], headers={"Accept": "text/html,*/*;q=0.8"}, timeout=60)
    assert page.headers["content-type"].startswith("text/html") and page.headers["vary"] == "Accept"
    assert told.json()["title"] in page.text and "<code>Authorization: Bearer sl_...</code>" in page.text
    assert "script" not in page.text


def test_all_types_are_listed(server: str) -> None:
    listed = httpx.get(f"{server}/problems", timeout=60).json()["problem_types"]
    assert [one["code"] for one in listed] == list(PROBLEM_TYPES)
    page = httpx.get(f"{server}/problems", headers={"Accept": "text/html"}, timeout=60).text
    assert all(f'href="{type_of(code)}"' in page for code in PROBLEM_TYPES)


@pytest.mark.parametrize("code", ["", "nothing_like_it", "%2F", "%2E%2E", "declined/", "x" * 100])
def test_what_is_no_type_is_no_page(server: str, code: str) -> None:
    answer = httpx.get(f"{server}/problems/{code}", timeout=60)
    assert answer.status_code in (404, 422), answer.text
    assert answer.json()["code"] in PROBLEM_TYPES
