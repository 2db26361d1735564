"""Which of the things that a name may mean is meant: by what stands before it; else it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.questions.errors import NotUnderstood
from api.questions.lexer import Lexeme
from api.questions.organization_names import NamedThing
from api.questions.query import Kind

#: What a preposition makes likely, likeliest first.
_LIKELY: Final[dict[str, tuple[Kind, ...]]] = {
    "IN": ("department", "team", "category"),
    "ON": ("category", "card", "merchant"),
    "AT": ("merchant", "department"),
    "FROM": ("merchant", "department", "person"),
    "TO": ("merchant",),
    "WITH": ("card", "merchant"),
    "BY": ("person", "team", "department"),
    "FOR": ("department", "person", "category"),
    "OF": ("person", "department", "team"),
}


def resolved(name: Lexeme, preposition: str | None = None, kind: Kind | None = None) -> NamedThing:
    """The one thing that is meant. `kind`: was said. Raises NotUnderstood: it may be several."""
    fitting = [one for one in name.named if kind is None or one.kind == kind] or list(name.named)
    if len(fitting) > 1 and preposition is not None:
        likely = _LIKELY[preposition]
        kinds = [wanted for wanted in likely if any(one.kind == wanted for one in fitting)]
        if kinds:
            fitting = [one for one in fitting if one.kind == kinds[0]]
    if len({one.kind for one in fitting}) > 1 and any(one.kind == "department" for one in fitting):
        # A team that is called as its department is a part of it.
        fitting = [one for one in fitting if one.kind != "team"]
    if len(fitting) > 1:
        raise NotUnderstood("ambiguous_name", _several(name, fitting), name.start, name.end)
    return fitting[0]


def has_kind(name: Lexeme, kind: Kind) -> bool:
    return any(one.kind == kind for one in name.named)


_PLURAL: Final[dict[Kind, str]] = {
    "department": "departments",
    "team": "teams",
    "person": "people",
    "merchant": "merchants",
    "category": "categories",
    "card": "cards",
}
_NUMBERS: Final = {2: "two", 3: "three", 4: "four"}


def _several(name: Lexeme, fitting: Sequence[NamedThing]) -> str:
    kinds = {one.kind for one in fitting}
    if len(kinds) == 1:
        count = _NUMBERS.get(len(fitting), str(len(fitting)))
        ids = " or ".join(sorted(one.ids[0] for one in fitting)[:6])
        return f"{count} {_PLURAL[fitting[0].kind]} are called “{name.text}”: say {ids}"
    found = " and ".join(f"a {kind}" for kind in sorted(kinds))
    said = " or ".join(f"“the {kind} {name.text}”" for kind in sorted(kinds))
    return f"“{name.text}” is {found}: say {said}"
