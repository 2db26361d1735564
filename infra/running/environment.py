"""The file `env` in a data folder: what a shell needs to use what runs there, for `. FOLDER/env`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

NAME = "env"


@contextmanager
def written(data_dir: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """Writes `env` for a ``with`` block: `variables` as exports, and this program's folder first on PATH.

    Readable by its owner only: it holds an API key and passwords.
    """
    file = data_dir / NAME
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    file.unlink(missing_ok=True)  # a file that is there keeps its mode
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write("\n".join(lines) + "\n")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
