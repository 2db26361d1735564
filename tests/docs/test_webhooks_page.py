"""The page of webhooks has every type there is."""

from __future__ import annotations

from pathlib import Path

from schemas.webhooks import TYPES

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


def test_the_table_of_types_is_that_of_the_code() -> None:
    table = PAGE.read_text().partition("<!-- types -->\n")[2].partition("<!-- end of types -->")[0]
    rows = "".join(f"| `{name}` | {when} |\n" for name, when in TYPES.items())
    assert table == f"| type | when |\n|---|---|\n{rows}"
