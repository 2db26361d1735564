"""Texts that an editor or a word processor wrote: mappings, policies, stories."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from infra.commands.policies import _policy
from infra.errors import SpendlogError
from infra.imports.mapping import read_mapping
from infra.stories import read_stories
from infra.stories.tokens import TextPlace, words_of
from infra.texts import read_text
from tests.imports.exports import MAPPING

WRITTEN = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16 big": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-32": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
}
STORY = """story: quotes
budget eng USD 100.00 each month => accepted
request A1 USD 50.00 at {} => approved
"""


@pytest.mark.parametrize("how", WRITTEN)
def test_a_mapping_a_policy_and_a_story_are_read_whatever_the_editor_put_in_front(
    tmp_path: Path, how: str
) -> None:
    path = tmp_path / "text"
    path.write_bytes(WRITTEN[how](MAPPING))
    assert read_mapping(path).constants.organization == "city"
    path.write_bytes(WRITTEN[how]('{\n"rules": []}\n'))
    assert _policy(path) == {"rules": []}
    path.write_bytes(WRITTEN[how](STORY.format('"Dell"')))
    (story,) = read_stories([path])
    assert len(story.lines) == 2


@pytest.mark.parametrize("content", [b"a\nb\xff\n", "a\né".encode("latin-1"), codecs.BOM_UTF16_LE + b"a"])
def test_what_is_no_text_is_said_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "text"
    path.write_bytes(content)
    with pytest.raises(SpendlogError, match="save it as UTF-8"):
        read_text(path)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("“Dell Inc”", "Dell Inc"),
        ("„Dell Inc“", "Dell Inc"),
        ("«Dell Inc»", "Dell Inc"),
        ("»Dell Inc«", "Dell Inc"),
        ("”Dell Inc”", "Dell Inc"),
        ("“Dell Inc\"", "Dell Inc"),
        ('"Dell “Inc”"', "Dell “Inc”"),  # inside of plain quotes they are letters
    ],
)  # fmt: skip
def test_a_word_processors_quotes_are_quotes(written: str, word: str) -> None:
    (found,) = words_of(written, TextPlace("story", 1))
    assert found.text == word
    assert found.column == 1
