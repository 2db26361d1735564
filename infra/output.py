"""What commands print: tables in which nothing is ever cut, and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of text.")]

_GAP: Final = "  "

Cell = str | Text | None


class TextTable:
    """Rows of texts below headers. Columns from `left` on are numbers: aligned to the right."""

    def __init__(self, *headers: str, left: int | None = None, header: bool = True) -> None:
        self._headers = headers
        self._left = len(headers) if left is None else left
        self._header = header
        self._rows: list[list[Text]] = []

    def add(self, *cells: Cell) -> None:
        """One cell for each header. A str is never markup; what cannot be seen is escaped."""
        if len(cells) != len(self._headers):
            raise ValueError(f"{len(cells)} cells for {len(self._headers)} columns")
        self._rows.append([_text(cell) for cell in cells])

    def print(self, console: Console | None = None) -> None:
        """Aligned columns where they fit, as in any pipe; on a narrower terminal a line for each cell."""
        console = console or Console()
        widths = [
            max(cell_len(header), *(row[n].cell_len for row in self._rows), 0)
            for n, header in enumerate(self._headers)
        ]
        fits = sum(widths) + len(_GAP) * (len(widths) - 1) <= console.width
        lines = self._aligned(widths) if fits or not console.is_terminal else self._records()
        for line in lines:
            console.print(line, soft_wrap=True, highlight=False)

    def _aligned(self, widths: Sequence[int]) -> list[Text]:
        rows = [[Text(header, style="bold") for header in self._headers]] if self._header else []
        lines = []
        for row in [*rows, *self._rows]:
            line = Text()
            for n, (cell, width) in enumerate(zip(row, widths, strict=True)):
                room = " " * (width - cell.cell_len)
                line += Text.assemble(_GAP if n else "", *((room, cell) if n >= self._left else (cell, room)))
            line.rstrip()
            lines.append(line)
        return lines

    def _records(self) -> list[Text]:
        width = max(map(cell_len, self._headers))
        lines = []
        for number, row in enumerate(self._rows):
            lines += [Text()] if number else []
            for header, cell in zip(self._headers, row, strict=True):
                if cell:
                    lines.append(Text.assemble((f"{header:<{width}}", "bold"), _GAP, cell))
        return lines


def print_json(found: Any) -> None:
    """`found` alone on standard output; members that are there once are there always."""
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def visible(text: str) -> str:
    """What cannot be seen, or would steer a terminal, is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(visible(cell or ""))
