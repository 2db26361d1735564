"""The nearest questions that can be answered, for one that cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from rapidfuzz import fuzz, process

from api.questions.errors import NotUnderstood
from api.questions.fiscal_calendar import OrgCalendar
from api.questions.organization_names import Directory, words_of
from api.questions.parse import understood

#: What people ask most; names in braces are of the organization.
_USUAL: Final = (
    "top expenses this month",
    "spend by department this month",
    "spend by category last month",
    "who spent most this month",
    "spend by month this year",
    "how much can {department} still spend",
    "what is left in each department",
    "declined purchases this week and why",
    "declined in {department} yesterday and why",
    "compare this month with last month by department",
    "compare this quarter with last quarter by category",
    "travel over 500 last quarter by merchant",
    "software spend since January by person",
    "how much did we spend at {merchant} this year",
    "average purchase in {department} last month",
    "how many purchases did {person} make last month",
    "top 5 merchants this year",
    "which department spent most on travel this year",
    "flagged purchases this month",
    "refunds last month",
    "largest purchases in {department} this quarter",
    "spend in {department} last 90 days by category",
    "who spent over 1,000 on software this year",
    "how did spend change this month",
)
COUNT: Final = 3
_EXAMPLES: Final = 12


def nearest(text: str, fault: NotUnderstood, directory: Directory, clock: OrgCalendar) -> list[str]:
    """Three, of which each is understood: first the question without what was wrong with it."""
    candidates = list(_usual(text, directory))
    rest = f"{text[: fault.start]} {text[fault.end :]}" if fault.end else text
    found = [one for one in _mended(text, fault) if _is_understood(one, directory, clock)]
    close = process.extract(rest, candidates, scorer=fuzz.token_set_ratio, limit=len(candidates))
    for candidate, _, _ in close:
        if len(found) >= COUNT:
            break
        if candidate not in found and _is_understood(candidate, directory, clock):
            found.append(candidate)
    return found[:COUNT]


def examples(directory: Directory) -> list[str]:
    """Questions to begin with, with names of the organization."""
    return list(_usual("", directory))[:_EXAMPLES]


def _mended(text: str, fault: NotUnderstood) -> Iterator[str]:
    """With the word that was meant; without the one word that is not known, and the preposition before it."""
    if fault.fault != "unknown_word" or not fault.end or fault.others:
        return
    if fault.meant is not None:
        yield f"{text[: fault.start]}{fault.meant}{text[fault.end :]}"
    before = text[: fault.start].split()
    while before and before[-1].lower() in _JOINING:
        before.pop()
    words = [*before, *text[fault.end :].split()]
    if len(words) > 1 and words[0].lower() not in _JOINING:
        yield " ".join(words).strip(" ?,.")


_JOINING: Final = frozenset(
    ("in", "at", "on", "for", "of", "by", "with", "from", "to", "and", "the", "a", "an")
)


def _usual(text: str, directory: Directory) -> Iterator[str]:
    """With the names that the text has; with any others of the organization where it has none."""
    said = words_of(text)
    names: dict[str, str] = {str(kind): label for kind, label in directory.first.items()}
    for count in range(1, min(len(said), directory.longest) + 1):  # of what is said the longest name counts
        for n in range(len(said) - count + 1):
            for named in directory.by_words.get(said[n : n + count], ()):
                names[named.kind] = named.label
    for question in _USUAL:
        with suppress(KeyError):  # nothing is called so
            yield question.format_map(names)


def _is_understood(text: str, directory: Directory, clock: OrgCalendar) -> bool:
    try:
        understood(text, directory, clock)
    except NotUnderstood:
        return False
    return True
