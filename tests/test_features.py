"""docs/features.md names a test or a story for each feature: they are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(story: [^`]+|tests/[^`]+::[^`]+)`", TEXT)
STORY_FILES = [*ROOT.glob("tests/scenarios/*.txt"), *ROOT.glob("infra/stories/files/*.txt")]
STORIES = {
    line.strip()
    for file in STORY_FILES
    for line in file.read_text(encoding="utf-8").splitlines()
    if line.startswith("story: ")
}


def test_every_row_names_something() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| feature")]
    assert len(rows) >= 35
    assert not [row for row in rows if not re.search(r"`(story: |tests/)", row)]


@pytest.mark.parametrize("name", sorted(set(NAMED)))
def test_what_is_named_is_there(name: str) -> None:
    if name.startswith("story: "):
        assert name in STORIES
        return
    file, _, test = name.partition("::")
    assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
