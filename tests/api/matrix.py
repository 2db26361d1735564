"""Every route called by everybody, and what became of it: the text that tests/api/access_matrix.txt is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from fastapi import FastAPI

#: What is put into paths; what names no organization and department names nothing that there is.
PLACES = {"department_id": "engineering", "session_id": "ses_nobodys", "code": "declined"}
#: Nothing is said yet of whether he gets in.
UNKNOWN = {"key_store_unavailable", "access_store_unavailable"}
#: A caller's headers, by the name of his column.
Callers = Mapping[str, Mapping[str, str]]


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path template of every operation that is described."""
    return sorted(
        ((method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods),
        key=lambda route: (route[1], route[0]),
    )


def called(
    client: httpx.Client, paths: Iterable[tuple[str, str]], callers: Callers, organization: str
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Route -> for each caller 401, 403, 404 (another's) or `in`: the route itself has answered."""
    return {
        route: tuple(_cell(client, *route, headers, organization) for headers in callers.values())
        for route in paths
    }


def _cell(
    client: httpx.Client, method: str, template: str, headers: Mapping[str, str], organization: str
) -> str:
    values = {"organization_id": organization, **PLACES}
    path = re.sub(r"\{(\w+)[^}]*\}", lambda found: values.get(found[1], f"{found[1]}-none"), template)
    body: dict[str, Any] = {}
    if method in ("POST", "PUT", "PATCH"):
        body = {"json": {"department_id": "engineering"}}
    # The last: a feed has no end, unless it is asked to go on after what is no event.
    fixed = {
        "Idempotency-Key": "matrix",
        "Prefer": "wait=0",
        "Sec-Fetch-Site": "same-origin",
        "Last-Event-ID": "-",
    }
    given = {**fixed, **headers}
    answer = client.request(method, path, headers=given, **body)
    for _ in range(5):  # on a busy machine nobody knows in time who asks
        if answer.status_code != 503 or answer.json()["code"] not in UNKNOWN:
            break
        answer = client.request(method, path, headers=given, **body)
    code = answer.json().get("code") if answer.status_code >= 400 else None
    if answer.status_code in (401, 403) or code == "no_such_resource":
        return str(answer.status_code)
    return "in"


def text_of(found: Mapping[tuple[str, str], Iterable[str]], callers: Iterable[str]) -> str:
    """One line for each route, a column for each caller."""
    names = list(callers)
    width = max(len(f"{method} {path}") for method, path in found)
    lines = [" ".join([f"{'':{width}}", *names])]
    for (method, path), cells in found.items():
        shown = [f"{cell:<{len(name)}}" for cell, name in zip(cells, names, strict=True)]
        lines.append(" ".join([f"{f'{method} {path}':<{width}}", *shown]).rstrip())
    return "\n".join(lines) + "\n"
