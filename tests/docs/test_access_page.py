"""docs/access.md shows the table of roles as it is."""

from __future__ import annotations

from tests.docs.access_table import PAGE, with_table


def test_the_table_is_that_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text) == text, "python -m tests.docs.access_table writes it anew"
