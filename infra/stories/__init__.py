"""The story language: what happens to a company's cards and what must be answered, for finance people.

```
story: what is held counts as spent
budget eng USD 1,000.00 each month        => accepted   available 1,000.00
request A1 USD 400.00 at "Dell" mcc 5045  => approved   available 600.00
request A2 USD 700.00                     => declined 61 budget_exceeded  would pass 600.00
clear A1 USD 450.00  +2 days              => accepted over_capture  available 550.00
ledger card-spend USD 450.00
payment A1 cleared held 0.00 posted 450.00
```

A story is a run of lines; a blank line ends it, `#` begins a comment line. Its first line names it. Below
that may stand `core only` (not for a real broker, whose clock cannot be set) and `starts TIME`.

**Lines.** `[in DEPARTMENT:] VERB [ID] [CURRENCY AMOUNT] OPTION... => EXPECTED`. The verbs and their options
are in `verbs.py`, a policy's rules in `rules.py`, what may be expected in `expect.py`. Without `in`, a line
is about the first department that the story names, and `budget NAME` about department NAME. Amounts are in
major units. `as NAME` names a line, so that `again NAME` (the same once more), `reuse NAME USD 1.00` (the
same with another amount), `reusing NAME` (this event under that one's id), `correct A1 posting NAME` and
`reverse A1 timeout of NAME` (a request, also one below) can refer to it; a request or dispute is named by
its id, a refund by what stands after `id`. An event is also a verb by its `type`, with its members by their
names: `card.frozen card_id=card-1`, `budget.increased amount="USD 5.00" ends_at=2026-12-01T00:00:00Z`.

**Time.** `on 2026-11-20T09:00:00Z`, or from the latest time so far: `+3 days 1 hour`, `-2 days`. A line that
does not say is a minute later than that; one that must be rejected does not move it. `recorded TIME`: the
broker's clock, in the core only; else it is the event's own time.

**Expected.** The outcome, then what must hold. Reasons, reviews, alerts, lapsing holds and FX differences
that are found but not expected are differences too. `available 600.00` is that of the department's own
budget, `available team:platform 50.00` another's. At the end, `ledger` lines tell what accounts must show
(debits above zero), `payment` lines what became of a payment.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from infra.errors import SpendlogError
from infra.stories.parse import parse
from infra.stories.story import Line, Story
from infra.stories.tokens import StoryError
from infra.texts import read_text

#: The stories that come with spendlog.
FILES: Final = Path(__file__).with_name("files")


def read_stories(paths: Iterable[Path]) -> list[Story]:
    """The stories of all these files; of a folder, those of its *.txt.

    Raises:
        StoryError: a file cannot be read, is no story, or holds none.
    """
    stories: list[Story] = []
    for path in paths:
        files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        if not files:
            raise StoryError(f"{path}: no *.txt in this folder")
        for file in files:
            try:
                text = read_text(file)
            except SpendlogError as error:
                raise StoryError(str(error)) from None
            found = parse(text, file.name)
            if not found:
                raise StoryError(f"{file}: no story in it; a story begins with 'story: NAME'")
            stories += found
    return stories


__all__ = ["FILES", "Line", "Story", "StoryError", "parse", "read_stories"]
