"""A linter of OpenAPI that others wrote has nothing to say about the description."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from infra.client_code import described
from infra.openapi_lint import NoLinter, installed, linted

pytestmark = pytest.mark.timeout(900)  # it is installed by npm, where it is not yet


@pytest.fixture(scope="module")
def linter() -> Path:
    try:
        return installed()
    except NoLinter as missing:
        pytest.skip(f"no linter: {missing}")


def test_a_linter_shows_nothing(linter: Path) -> None:
    good, words = linted(linter, described())
    assert good, words


def test_a_description_with_a_fault_is_found(linter: Path) -> None:
    faulty = copy.deepcopy(dict(described()))
    del faulty["paths"]["/v1/cards"]["get"]["operationId"]
    faulty["paths"]["/v1/cards/{id}"] = faulty["paths"]["/v1/cards"]
    good, words = linted(linter, faulty)
    assert not good and "operation-operationId" in words and "path-parameters-defined" in words, words
