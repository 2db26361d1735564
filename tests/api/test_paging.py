"""Cursors: what the API did not make is refused before any store is asked."""

from __future__ import annotations

import pytest

from api.http.paging import Page
from api.http.problems import Problem


@pytest.mark.parametrize("key", [("a\0b", 1), ("\0", 1), ("a", "\0"), (1, "b\0")])
def test_a_cursor_with_what_no_store_keeps_is_no_cursor(key: tuple[object, ...]) -> None:
    made = Page(None, 10, "/v1/things").cursor(*key)
    with pytest.raises(Problem) as caught:
        Page(made, 10, "/v1/things").key(tuple[str | int, str | int])
    assert (caught.value.status_code, caught.value.errors[0].code) == (422, "malformed_cursor")


def test_a_cursor_comes_back_as_its_key() -> None:
    made = Page(None, 10, "/v1/things", (("limit", "10"),)).cursor("a", 1)
    assert Page(made, 10, "/v1/things", (("limit", "5"), ("after", made))).key(tuple[str, int]) == ("a", 1)
