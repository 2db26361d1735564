"""The table of docs/access.md, from the roles' own. `python -m tests.docs.access_table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from api.access.keys import Scope
from api.access.roles import TABLE, TITLES

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
BEGIN, END = "<!-- roles -->\n", "<!-- end of roles -->\n"


def table() -> str:
    """A row for each permission, a column for each role: how far it reaches."""
    rows = ["| permission | " + " | ".join(TITLES[role] for role in TABLE) + " |"]
    rows.append("|---" * (len(TABLE) + 1) + "|")
    for scope in Scope:
        cells = [TABLE[role][scope].name.lower() if scope in TABLE[role] else "" for role in TABLE]
        rows.append(f"| `{scope}` | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
