"""The statements of the API, one file each."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(name: str) -> LiteralString:
    """The text of `name`.sql. It is part of the program, so it is as literal as text in a module."""
    text: LiteralString = files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return text
