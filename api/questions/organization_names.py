"""The names that occur in an organization, and what a run of words may mean by them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from api.questions.query import Kind
from schemas.terms import zone_of

#: A word, an e-mail address among them; `'s` belongs to none.
WORD: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[^\W_]+(?:['’](?!s\b)[^\W_]+)*(?:['’]s\b)?")
Words = tuple[str, ...]


@lru_cache(maxsize=65_536)
def plain(word: str) -> str:
    """A word without case, accents, apostrophes and the genitive's s."""
    bare = re.sub(r"['’]s$", "", word)
    open_ = unicodedata.normalize("NFKD", bare.casefold())
    return "".join(c for c in open_ if not unicodedata.combining(c)).replace("'", "").replace("’", "")


def words_of(text: str) -> Words:
    return tuple(plain(word) for word in WORD.findall(text))


@dataclass(frozen=True, slots=True)
class NamedThing:
    """Something of the organization. `ids`: as a query names it; several, where a part of merchants' names
    was said. `label`: as people know it."""

    kind: Kind
    ids: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Directory:
    """What words can mean in one organization, as far as the asking person may see it.

    `fiscal`: month and day on which its year begins. `me`: as cards name the one who asks; None: a key.
    """

    named: tuple[tuple[str, NamedThing], ...]
    currencies: tuple[str, ...]
    time_zone: str = "UTC"
    fiscal: tuple[int, int] = (1, 1)
    me: str | None = None
    own: frozenset[Words] = field(default=frozenset())

    def __len__(self) -> int:
        return len(self.named)

    @cached_property
    def by_words(self) -> Mapping[Words, Sequence[NamedThing]]:
        found: dict[Words, dict[tuple[Kind, Words], NamedThing]] = defaultdict(dict)
        for text, named in self.named:
            if words := words_of(text):
                found[words].setdefault((named.kind, named.ids), named)
        return {words: tuple(things.values()) for words, things in found.items()}

    @cached_property
    def longest(self) -> int:
        return max((len(words) for words in self.by_words), default=0)

    @cached_property
    def first(self) -> Mapping[Kind, str]:
        """The label of the first of each kind: one that occurs, for examples."""
        return {named.kind: named.label for _, named in reversed(self.named)}

    @cached_property
    def _with_word(self) -> Mapping[str, Sequence[Words]]:
        found: dict[str, list[Words]] = defaultdict(list)
        for words in self.by_words:
            for word in set(words):
                found[word].append(words)
        return found

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(self._with_word)

    @cached_property
    def labels(self) -> Mapping[tuple[Kind, str], str]:
        """Of two that are called the same each with its id."""
        found = {(named.kind, one): named.label for _, named in reversed(self.named) for one in named.ids[:1]}
        often = Counter((kind, label) for (kind, _), label in found.items())
        return {
            (kind, one): label if often[kind, label] == 1 else f"{label} ({one})"
            for (kind, one), label in found.items()
        }

    def label(self, kind: Kind, name: str) -> str:
        return self.labels.get((kind, name), name)

    def part(self, words: Words) -> list[NamedThing]:
        """What has these words in its name, one after the other; merchants with them are one."""
        found: dict[Kind, dict[tuple[str, ...], NamedThing]] = defaultdict(dict)
        for whole in self._with_word.get(words[0], ()):
            starts = (n for n, word in enumerate(whole) if word == words[0])
            if any(whole[n : n + len(words)] == words for n in starts):
                for named in self.by_words[whole]:
                    found[named.kind][named.ids] = named
        merchants = list(found.pop("merchant", {}).values())
        others = [named for kind in found.values() for named in kind.values()]
        if len(merchants) > 1:
            ids = tuple(sorted({one for named in merchants for one in named.ids}))
            merchants = [NamedThing("merchant", ids, f"merchants with “{' '.join(words)}”")]
        return others + merchants


def ready(directory: Directory) -> Directory:
    """The same, put in order: with thousands of names that is for a thread."""
    for each in (directory.words, directory.labels, directory.longest, directory.first):
        assert each is not None
    return directory


def directory_of(row: Mapping[str, Any], organization_id: str, me: str | None) -> Directory:
    """The row of question_names.sql."""
    named: list[tuple[str, NamedThing]] = []
    for each in row["departments"]:
        one = NamedThing("department", (each["department_id"],), each["name"])
        named += [(each["name"], one), (each["department_id"], one)]
    for each in row["teams"]:
        one = NamedThing("team", (each["team"],), each["name"])
        named += [(each["name"], one), (each["team"], one)]
    for each in row["people"]:
        named += _person(each["employee"], each["email"], each["name"])
    for each in row["merchants"]:
        one = NamedThing("merchant", (each["merchant_key"],), each["name"])
        named += [(each["merchant_key"], one), (each["name"], one)]
    for each in row["cards"]:
        one = NamedThing("card", (each["card_id"],), each["card_id"])
        named.append((each["card_id"], one))
        if each["last_four"]:
            named.append((each["last_four"], one))
    calendar = row["calendar"]
    return Directory(
        named=tuple(named),
        currencies=tuple(row["currencies"]),
        time_zone=_zone(calendar),
        fiscal=(calendar["start_month"], calendar["start_day"]) if calendar else (1, 1),
        me=me,
        own=frozenset({words_of(organization_id)}),
    )


def _zone(calendar: Mapping[str, Any] | None) -> str:
    name: str = calendar["time_zone"] if calendar else "UTC"
    zone_of(name)
    return name


def _person(employee: str, email: str | None, name: str | None) -> Iterable[tuple[str, NamedThing]]:
    """By all that people call somebody: as cards do, by address, whole name, first and last name."""
    one = NamedThing("person", (employee,), name or employee)
    called = {employee, email or employee}
    called |= {address.partition("@")[0] for address in called if "@" in address}
    if name:
        called |= {name, *name.split()[:1], *name.split()[-1:]}
    return [(text, one) for text in sorted(called)]
