"""The Python client has every operation of the API that a key may call, as the API is now."""

from __future__ import annotations

import pytest

from infra import client_code
from infra.client_names import NAMES, NOT_CALLED, named


def test_the_client_is_what_the_description_makes_it() -> None:
    for name, text in client_code.documents().items():
        there = (client_code.FOLDER / name).read_text(encoding="utf-8")
        assert there == text, f"{name} is behind: run python -m infra.client_code"
    assert {one.name for one in client_code.FOLDER.glob("*.py")} == set(client_code.documents())


def test_each_operation_is_named_once_or_left_out() -> None:
    told = {
        one["operationId"] for known in client_code.described()["paths"].values() for one in known.values()
    }
    tabled = [of for all_of in NAMES.values() for of in all_of]
    assert len(tabled) == len(set(tabled))
    assert {*tabled, *NOT_CALLED} <= told, "in the tables, and in the API no more"
    assert not {*tabled} & {*NOT_CALLED}


@pytest.mark.parametrize(
    ("operation", "path", "name"),
    [
        ("create_card", "/v1/cards", ("cards", "create")),
        ("list_cards_of_moon", "/v1/cards/moon", ("cards", "list_cards_of_moon")),
        ("read_category", "/v1/categories/{category}", ("categories", "read")),
        ("change_identity_provider", "/v1/identity-providers/{id}", ("identity_providers", "change")),
        ("ask", "/v1/questions", ("questions", "ask")),
        ("list_taxes", "/v1/organizations/{organization_id}/taxes/{tax}", ("taxes", "list")),
        ("list_departments", "/v1/departments", ("company", "departments")),
    ],
)
def test_how_an_operation_is_named(operation: str, path: str, name: tuple[str, str]) -> None:
    assert named(operation, path) == name
