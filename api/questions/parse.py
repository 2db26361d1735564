"""Text to a typed query: lexemes, the grammar's tree, and what its parts come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput, UnexpectedToken
from lark.lexer import Lexer as LarkLexer

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import OrgCalendar
from api.questions.lexer import LENGTH_MAX, Corrected, Lexeme, Lexer
from api.questions.organization_names import Directory
from api.questions.query import Query
from api.questions.reading import PartsReading
from api.questions.shaping import refuse_orders, shaped


class _Given(LarkLexer):
    """The lexemes are made before: names differ from organization to organization."""

    def __init__(self, lexer_conf: Any) -> None:
        pass

    def lex(self, data: Any, parser_state: Any = None) -> Iterator[Token]:
        for lexeme in data:
            token = Token(lexeme.terminal, lexeme.text, lexeme.start, end_pos=lexeme.end)
            token.value = lexeme
            yield token


@cache
def _grammar() -> Lark:
    text = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_Given, keep_all_tokens=True, maybe_placeholders=False)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text is taken for. `corrected`: words that were taken for others."""

    query: Query
    corrected: tuple[Corrected, ...] = ()


def understood(text: str, directory: Directory, clock: OrgCalendar) -> Understood:
    """Raises NotUnderstood, which says which word and what to do."""
    if len(text) > LENGTH_MAX:
        raise NotUnderstood("not_understood", f"a question has at most {LENGTH_MAX} characters")
    lexer = Lexer(text, directory)
    said = lexer.lexemes()
    refuse_orders(said, text)
    lexer.require_known()
    lexemes = shaped(said)
    if not lexemes:
        raise NotUnderstood("not_understood", "nothing is asked: name what you want to know, and of what")
    reading = PartsReading(directory, clock)
    for part in _parts(lexemes):
        reading.take(part)
    return Understood(reading.query(), tuple(lexer.corrected))


def _parts(lexemes: Sequence[Lexeme]) -> list[Tree[Token]]:
    try:
        tree = _grammar().parse(lexemes)
    except UnexpectedToken as error:
        raise _misplaced(error, lexemes) from None
    except UnexpectedInput as error:
        raise NotUnderstood("not_understood", str(error)) from None
    return [child for child in tree.children if isinstance(child, Tree)]


def _misplaced(error: UnexpectedToken, lexemes: Sequence[Lexeme]) -> NotUnderstood:
    lexeme = error.token.value
    if not isinstance(lexeme, Lexeme):
        last = lexemes[-1]
        words = f"after “{last.text}” something is missing"
        return NotUnderstood("not_understood", words, last.start, last.end)
    at = next((n for n, each in enumerate(lexemes) if each.start == lexeme.start), 0)
    after = f" after “{lexemes[at - 1].text}”" if at else ""
    return NotUnderstood(
        "not_understood", f"“{lexeme.text}” cannot stand{after} here", lexeme.start, lexeme.end
    )
