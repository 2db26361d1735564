"""What the command refuses before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.commands.demo import app
from infra.errors import SpendlogError
from tests.imports.exports import MAPPING, line, write


@pytest.mark.parametrize("name", ["export.csv", "link.csv", "m.toml"])
def test_the_list_of_rows_never_overwrites_what_it_is_of(tmp_path: Path, name: str) -> None:
    export = write(tmp_path, line())
    (tmp_path / "link.csv").symlink_to(export)
    mapping = tmp_path / "m.toml"
    mapping.write_text(MAPPING)
    before = export.read_bytes()
    arguments = ["--file", export, "--mapping", mapping, "--reject-file", tmp_path / name]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert isinstance(done.exception, SpendlogError)
    assert "would overwrite" in str(done.exception)
    assert export.read_bytes() == before
    assert mapping.read_text() == MAPPING


def test_an_export_needs_its_mapping(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--file", str(write(tmp_path, line()))])
    assert isinstance(done.exception, SpendlogError)
    assert "`spendlog import check FILE` proposes one" in str(done.exception)
