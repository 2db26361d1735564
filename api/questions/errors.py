"""Why a question has no answer: which word, where it stands, and what to do."""

from __future__ import annotations

from typing import Literal

Fault = Literal[
    "unknown_word", "ambiguous_name", "not_a_question", "contradiction", "not_understood", "not_known"
]


class NotUnderstood(ValueError):
    """`start`, `end`: of what it is about in the text, in characters; 0, 0: of the whole of it.
    `others`: further words that are not known; `meant`: a word that is near."""

    def __init__(
        self,
        fault: Fault,
        detail: str,
        start: int = 0,
        end: int = 0,
        others: tuple[str, ...] = (),
        meant: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.fault: Fault = fault
        self.detail = detail
        self.start = start
        self.end = end
        self.others = others
        self.meant = meant
