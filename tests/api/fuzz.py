"""Requests made from the description of the API, and what is wrong with the answers to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import requests
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response, openapi
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from api.http.problem_types import PROBLEM_TYPES, type_of
from tests.patience import PATIENCE_S

CHECKS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
#: Of one chain.
STEPS_MAX: Final = 8
#: The last: a feed has no end, unless it is asked to go on after what is no event.
HEADERS: Final = {"Sec-Fetch-Site": "same-origin", "Last-Event-ID": "-"}


class Caller(NamedTuple):
    """Somebody, and the headers by which he is known."""

    name: str
    headers: Mapping[str, str]


def operations(base_url: str) -> list[Any]:
    """All that the running API describes."""
    schema = openapi.from_url(f"{base_url}/openapi.json", timeout=PATIENCE_S)
    refused = schema.config.checks.negative_data_rejection.expected_statuses
    if "413" not in refused:  # what is too large is refused, too
        refused.append("413")
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def asked(
    operation: Any,
    callers: Sequence[Caller],
    mode: GenerationMode,
    places: Mapping[str, str],
    *,
    requests_max: int,
    number: int,
) -> dict[str, str]:
    """Kinds of faults, each with its first example. `places`: path parameters; `number`: a seed."""
    found: dict[str, str] = {}
    here = {one.name for one in operation.path_parameters}
    fixed = {name: value for name, value in places.items() if name in here}

    @seed(number)
    @settings(
        max_examples=requests_max,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=fixed or None), caller=st.sampled_from(callers))
    def ask(case: Case[Any], caller: Caller) -> None:
        for kind, words in _faults(case, caller, session):
            found.setdefault(f"{operation.label} {kind}", f"{caller.name}: {words}")

    with requests.Session() as session:
        ask()
    return found


def chained(
    base_url: str,
    caller: Caller,
    places: Mapping[str, str],
    *,
    chains_max: int,
    number: int,
) -> tuple[dict[str, str], Counter[str]]:
    """The same of chains: an operation takes what one before it has answered, as schemathesis follows links
    and infers them from names. And how often each operation was asked with what came before."""
    found: dict[str, str] = {}
    followed: Counter[str] = Counter()
    links: type[Any] = openapi.from_url(f"{base_url}/openapi.json", timeout=PATIENCE_S).as_state_machine()

    class Chain(links):  # type: ignore[misc]
        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"headers": {**HEADERS, **caller.headers}, "timeout": PATIENCE_S}

        def before_call(self, case: Case[Any]) -> None:
            known = case.path_parameters or {}
            case.path_parameters = {**known, **{name: places[name] for name in places if name in known}}

        def validate_response(self, response: Response, case: Case[Any], *args: Any, **kwargs: Any) -> None:
            if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
                followed[f"{case.operation.label} {response.status_code // 100}xx"] += 1
            for kind, words in _wrong(case, response):
                found.setdefault(f"{case.operation.label} {kind}", f"{caller.name}: {words}")

    Chain.__name__ = f"Chain{number}"
    Chain.run(
        settings=settings(
            max_examples=chains_max,
            stateful_step_count=STEPS_MAX,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
    )
    return found, followed


def _faults(case: Case[Any], caller: Caller, session: requests.Session) -> Iterator[tuple[str, str]]:
    answer = case.call(session=session, headers={**HEADERS, **caller.headers}, timeout=PATIENCE_S)
    session.cookies.clear()
    yield from _wrong(case, answer)


def _wrong(case: Case[Any], answer: Response) -> Iterator[tuple[str, str]]:
    sent = answer.request
    shown = f"{sent.method} {sent.url} {sent.body!r:.600} -> {answer.status_code} {answer.text[:600]}"
    for kind, words in [*_undescribed(case, answer), *_problem(answer)]:
        yield kind, f"{shown}\n{words}"


def _undescribed(case: Case[Any], answer: Response) -> Iterator[tuple[str, str]]:
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        yield from ((type(one).__name__, str(one)) for one in group.exceptions)
    except Failure as one:
        yield type(one).__name__, str(one)


def _problem(answer: Response) -> Iterator[tuple[str, str]]:
    """What is wrong with a problem, beyond what the description says."""
    if answer.status_code < 400:
        return
    body = answer.json()
    known = PROBLEM_TYPES.get(body["code"])
    if answer.status_code == 500:
        yield "defect", ""
    if known is None or answer.status_code not in known.status or body["type"] != type_of(body["code"]):
        yield f"no page for {body['code']} with {answer.status_code}", ""
    if answer.status_code in (429, 503) and "retry-after" not in answer.headers:
        yield f"no Retry-After of {body['code']}", ""
