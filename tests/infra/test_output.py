"""Tables: no amount and no name is ever cut, on any terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from infra.output import TextTable

AMOUNTS = ("50,000.00 USD", "-1,234,567,890,123.45 EUR", "0 JPY", "9,223,372,036,854.775 KWD")
NAMES = (
    "Engineering",
    "a department whose name is longer than forty columns",
    "研究開発部",
    "[red]",
    "a\x1b[31mb",
)


def shown(width: int, *, terminal: bool) -> str:
    out = io.StringIO()
    table = TextTable("name", "limit", "available", left=1)
    for name, amount in zip(NAMES, (*AMOUNTS, "1.00 USD"), strict=True):
        table.add(name, amount, amount)
    table.print(Console(file=out, width=width, force_terminal=terminal, no_color=True, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize("width", [1, 20, 40, 80, 132, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_every_cell_is_whole_on_one_line(width: int, terminal: bool) -> None:
    lines = shown(width, terminal=terminal).splitlines()
    for text in (*AMOUNTS, *NAMES[:4], r"a\x1b[31mb"):
        assert any(text in line for line in lines), text
    assert "…" not in "".join(lines)


def test_numbers_are_aligned_to_the_right_also_below_wide_letters() -> None:
    lines = shown(200, terminal=False).splitlines()
    assert len(lines) == 1 + len(NAMES)
    from rich.cells import cell_len

    assert len({cell_len(line) for line in lines}) == 1


def test_a_pipe_gets_plain_text() -> None:
    assert not set("┃│━\x1b") & set(shown(80, terminal=False))


def test_a_narrow_terminal_gets_a_line_for_each_cell() -> None:
    lines = shown(40, terminal=True).splitlines()
    assert sum(line.lstrip("\x1b[1m").startswith("available") for line in lines) == len(NAMES)


def test_a_row_that_does_not_fit_its_headers_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        TextTable("a", "b").add("x")
