"""The description holds what linters of OpenAPI ask for, and its examples can be used as they stand."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.access.keys import KEY_SCOPES, create_key
from api.api_settings import ApiSettings
from api.app import create_app
from api.http.completion import TAGS

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def described(settings: ApiSettings) -> Any:
    return json.loads(json.dumps(create_app(settings).openapi()))


@pytest.fixture(scope="module")
def operations(described: Any) -> list[Operation]:
    return [(m, path, o) for path, methods in described["paths"].items() for m, o in methods.items()]


def test_it_is_valid(described: Any) -> None:
    faults = [
        f"{list(error.absolute_path)}: {error.message[:200]}"
        for error in OpenAPIV31SpecValidator(described).iter_errors()
    ]
    assert faults == []


def test_info_servers_and_tags_are_there(described: Any, operations: list[Operation]) -> None:
    assert {"title", "version", "description", "license"} <= described["info"].keys()
    assert [server["url"] for server in described["servers"]] == ["/"]
    assert all(tag["description"] for tag in described["tags"])
    assert {tag for _, _, operation in operations for tag in operation["tags"]} == TAGS.keys()


def test_each_operation_has_all_that_a_linter_asks_for(operations: list[Operation]) -> None:
    for method, path, operation in operations:
        name = f"{method} {path}"
        assert re.fullmatch("[a-z_]+", operation["operationId"]), name
        assert operation["summary"] and not operation["summary"].endswith("."), name
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name
        open_to_all = not path.startswith("/v1") or "x-open" in operation
        ways: list[dict[str, list[str]]] = [] if open_to_all else [{"apiKey": []}, {"session": []}]
        of_people = operation.get("x-required-scope") == "account"
        assert operation["security"] == (ways[1:] if of_people else ways), name
        assert any(status.startswith("2") for status in operation["responses"]), name
        assert any(status.startswith("4") for status in operation["responses"]), name
        if "requestBody" in operation:  # it may be too large, and of another type
            assert {"413", "415"} <= operation["responses"].keys(), name
        assert all(answer["description"] for answer in operation["responses"].values()), name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
            assert parameter["in"] != "path" or f"{{{parameter['name']}}}" in path, (name, parameter["name"])
        found = [
            parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"
        ]
        assert sorted(found) == sorted(re.findall(r"\{(\w+)\}", path)), name


def test_operation_ids_are_unique(operations: list[Operation]) -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations)
    assert [name for name, number in names.items() if number > 1] == []


def test_every_component_is_used(described: Any) -> None:
    text = json.dumps(described)
    unused = [
        name for name in described["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text
    ]
    assert unused == []


def test_the_examples_of_a_read_can_be_used_as_they_stand(
    client: httpx.Client,
    settings: ApiSettings,
    organization: str,
    engineering: str,
    operations: list[Operation],
) -> None:
    secret, _ = create_key(settings.postgres, organization_id=organization, name="all", scopes=KEY_SCOPES)
    client.headers["Authorization"] = f"Bearer {secret}"

    def answered(path: str, operation: Any) -> None:
        inputs: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
        for parameter in operation.get("parameters", []):
            examples = parameter["schema"].get("examples") or parameter.get("examples")
            if examples:
                inputs[parameter["in"]][parameter["name"]] = examples[0]
        inputs["path"] |= {"organization_id": organization} if "organization_id" in inputs["path"] else {}
        inputs["query"].pop("as_of", None)  # it is of the department's own partition
        inputs["header"].pop("prefer", None)
        url = path.format(**inputs["path"])
        if "text/event-stream" in operation["responses"]["200"].get("content", {}):
            return  # it has no end
        answer = client.get(url, params=inputs["query"], headers=inputs["header"])
        # No view runs here, so none has any position; what the log does not have is told at once.
        assert answer.status_code in (200, 404, 422, 503), (path, answer.text)
        if answer.status_code == 422:
            assert answer.json()["errors"][0]["code"] == "position_beyond_log", answer.text

    reads = [
        (path, read)
        for method, path, read in operations
        if method == "get" and {"apiKey": []} in read["security"]
    ]
    assert len(reads) > 10
    with ThreadPoolExecutor(len(reads)) as pool:  # each waits 2 s for a view
        for _ in pool.map(lambda read: answered(*read), reads):
            pass


@pytest.mark.parametrize("position", ["0:99999999", "999:0"])
def test_a_position_that_nobody_can_have_been_told_is_no_reason_to_wait(
    client: httpx.Client, organization: str, engineering: str, position: str
) -> None:
    for path in ("/v1/authorizations/a", f"/v1/organizations/{organization}/departments/engineering/budget"):
        answer = client.get(path, headers={"Spendlog-Position": position})
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert (error["field"], error["code"]) == ("position", "position_beyond_log")
        assert error["message"].startswith(f"the decision log ends before {position};")
