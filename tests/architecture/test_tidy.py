"""What a newcomer may count on in every file: its size, its first words, and one meaning for each name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "streams", "sinks", "api", "infra", "perf", "tests")
#: By `python -m infra.client_code`, and read by tools.
WRITTEN = "api/client/generated/"
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
#: Names that several files may have, with the one meaning of each.
FILE_NAMES = {
    line.split()[0]
    for line in Path(__file__).with_name("file_names.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
}
PYTHONS_OWN = {"__init__", "__main__"}
#: Commands are named by what one types, the verifier is a second copy on purpose, tests are read one by one.
NAMED_OTHERWISE = ("infra/commands/", "infra/verify/", WRITTEN, "tests/")
#: What the pure core may not ask: the time comes in with the record.
CLOCKS = {"now", "utcnow", "today"}

Module = tuple[str, str, ast.Module]  # path, text, tree


def modules(*rooms: str) -> Iterator[Module]:
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            yield str(file.relative_to(ROOT)), text, ast.parse(text)


@pytest.fixture(scope="module")
def house() -> list[Module]:
    return list(modules(*ROOMS))


def too_long(house: list[Module]) -> list[str]:
    """Files and functions that cannot be held in the head."""
    found = []
    for path, text, tree in house:
        if (lines := text.count("\n")) > LINES_MAX and not path.startswith(WRITTEN):
            found.append(f"{path}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    found.append(f"{path}:{node.lineno}: {node.name} has {lines} lines")
    return found


def without_first_words(house: list[Module]) -> list[str]:
    return [path for path, text, tree in house if text.strip() and not ast.get_docstring(tree)]


def said_twice(house: list[Module]) -> list[str]:
    """Public classes whose name another module has, too: a reader cannot know which is meant."""
    where: dict[str, list[str]] = defaultdict(list)
    for path, _, tree in house:
        # The verifier is the second copy on purpose; the client's types bear the names that the API gives
        # them; tests are read one file at a time.
        if path.startswith(("infra/verify/", WRITTEN, "tests/")):
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(path)
    return [f"{name}: {', '.join(paths)}" for name, paths in where.items() if len(paths) > 1]


def of_one_name(house: list[Module]) -> list[str]:
    """Files of one name in several folders: who searches for it must know what all of them are."""
    where: dict[str, list[str]] = defaultdict(list)
    for path, _, _ in house:
        if not path.startswith(NAMED_OTHERWISE):
            where[Path(path).stem].append(path)
    known = FILE_NAMES | PYTHONS_OWN
    return [
        f"{name}: {', '.join(paths)}" for name, paths in where.items() if len(paths) > 1 and name not in known
    ]


def clocks(house: list[Module]) -> list[str]:
    return [
        f"{path}:{node.lineno}"
        for path, _, tree in house
        for node in ast.walk(tree)
        if path.startswith("streams/core/") and isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]


LAWS = (too_long, without_first_words, said_twice, of_one_name, clocks)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_house_is_tidy(house: list[Module], law: type) -> None:
    assert law(house) == []


@pytest.mark.parametrize(
    ("law", "texts"),
    [
        (too_long, {"api/some.py": '"""Some."""\n' + "a = 1\n" * LINES_MAX}),
        (too_long, {"api/some.py": '"""Some."""\ndef f() -> None:\n' + "    a = 1\n" * FUNCTION_LINES_MAX}),
        (without_first_words, {"api/some.py": "a = 1\n"}),
        (said_twice, {"api/some.py": "class Row: ...\n", "perf/some.py": "class Row: ...\n"}),
        (of_one_name, {"api/some.py": '"""Some."""\n', "sinks/loop/some.py": '"""Other."""\n'}),
        (clocks, {"streams/core/some.py": "from datetime import datetime\nat = datetime.now()\n"}),
    ],
)
def test_what_is_untidy_is_found(law: type, texts: dict[str, str]) -> None:
    assert len(law([(path, text, ast.parse(text)) for path, text in texts.items()])) == 1
