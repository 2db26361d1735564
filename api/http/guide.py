"""Which paths there are: what a method may do at one, and which one was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from starlette.routing import BaseRoute, Route

_ORDER: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ALIKE_MIN = 0.75
_PATH_MAX = 160  # a longer one is nobody's typing error, and comparing would cost
_VARIABLE = re.compile(r"\{(\w+)(:\w+)?\}")


@dataclass(frozen=True, slots=True)
class _Place:
    template: str
    regex: re.Pattern[str]
    methods: frozenset[str]


class Guide:
    """All places of an app."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def add(self, routes: Iterable[BaseRoute]) -> None:
        for route in routes:
            assert isinstance(route, Route)
            methods = frozenset(route.methods or ())
            self._places.append(_Place(_VARIABLE.sub(r"{\1}", route.path), route.path_regex, methods))

    def allowed(self, path: str) -> str:
        """The Allow header of a path; empty where there is nothing."""
        found = {method for place in self._places if place.regex.match(path) for method in place.methods}
        if not found:
            return ""
        found |= {"HEAD", "OPTIONS"} if "GET" in found else {"OPTIONS"}
        return ", ".join(method for method in _ORDER if method in found)

    def nearest(self, path: str) -> str | None:
        """The template that looks most like `path`; None where none does."""
        if len(path) > _PATH_MAX:
            return None
        best, alike = None, _ALIKE_MIN
        matcher = SequenceMatcher(b=path, autojunk=False)
        for place in self._places:
            matcher.set_seq1(_filled(place.template, path))
            if matcher.real_quick_ratio() > alike and (ratio := matcher.ratio()) > alike:
                best, alike = place.template, ratio
        return best


def _filled(template: str, path: str) -> str:
    """The template with its variables as `path` has them, so that only its fixed parts are compared."""
    given = path.split("/")
    parts = template.split("/")
    return "/".join(
        given[number] if _VARIABLE.fullmatch(part) and number < len(given) else part
        for number, part in enumerate(parts)
    )
