"""What the documents say of themselves: lengths, links and the index of decisions."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.blocks import PAGES, ROOT

DECISIONS = ROOT / "docs" / "decisions"
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_the_readme_and_the_rules_can_be_read() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100
    for name in ("README.md", "docs/rules.md"):
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            assert len(line) <= 120, f"{name}:{number} has {len(line)} characters"


def test_every_link_leads_to_a_file() -> None:
    seen = 0
    for page in PAGES:
        for target in _LINK.findall(page.read_text()):
            if "://" in target:
                continue
            seen += 1
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target} is not there"
    assert seen > 40


def test_the_index_names_every_decision_by_its_title() -> None:
    index = (DECISIONS / "README.md").read_text()
    files = sorted(DECISIONS.glob("0*.md"))
    assert files
    for file in files:
        assert entry(file) in index, f"docs/decisions/README.md lacks the line\n{entry(file)}"
    assert index.count("| [") == len(files)


def test_the_tour_walks_through_files_that_are_there() -> None:
    walk = (ROOT / "docs" / "tour.md").read_text().partition("## One purchase through the files")[2]
    named = re.findall(r"`([a-z_/]+/[a-z_]+\.py)`", walk)
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert 20 < len(set(named)) <= 27  # few enough to be read in an hour


def test_the_recipes_name_files_that_are_there() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    named: list[str] = re.findall(r"`([a-z_/]+/[a-z_]+\.(?:py|md))`", text)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).is_file()] == []


def entry(file: Path) -> str:
    """The index's line for a decision: its number, its title, its file."""
    number, title = file.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
    assert int(number) == int(file.name[:4]), f"{file.name} is numbered {number}"
    return f"| {number} | [{title}]({file.name}) |"
