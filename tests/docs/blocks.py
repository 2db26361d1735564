"""The fenced code blocks of the documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
_FENCE = re.compile(r"^ *(`{3,}|~{3,})(.*)$")


@dataclass(frozen=True)
class Block:
    """`info`: what stands behind the opening fence. `line`: of it, from 1."""

    page: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """In order. Raises ValueError where a fence is not closed."""
    found: list[Block] = []
    fence, begun, info, lines = "", 0, "", list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        match = _FENCE.match(line)
        if not fence and match:
            fence, begun, info, lines = match[1], number, match[2].strip(), []
        elif fence and line.strip() == fence:
            name = str(page.relative_to(ROOT))
            found.append(Block(name, begun, info, "".join(f"{one}\n" for one in lines)))
            fence = ""
        elif fence:
            lines.append(line)
    if fence:
        raise ValueError(f"{page}:{begun}: the block that opens here is never closed")
    return found


def blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page)]
