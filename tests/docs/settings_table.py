"""The settings of docs/operations.md, from the classes that read them.

`python -m tests.docs.settings_table` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

import api.settings
import infra.jobs.settings
import infra.learning.settings
import infra.settings
import infra.ticker.settings
import sinks.settings
import sinks.webhooks.settings
from schemas.settings import PREFIX
from streams.settings import StreamSettings

ROOMS: dict[str, type[BaseSettings]] = {
    "commands": infra.settings.Settings,
    "worker": StreamSettings,
    "sinks": sinks.settings.SinkSettings,
    "ticker": infra.ticker.settings.TickerSettings,
    "learner": infra.learning.settings.LearnerSettings,
    "sender": sinks.webhooks.settings.WebhookSettings,
    "jobs": infra.jobs.settings.JobSettings,
    "API": api.settings.ApiSettings,
}
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"


def table() -> str:
    """A row for each setting: who reads it, its default where it has a fixed one, what it is."""
    rows: dict[str, tuple[list[str], str, str]] = {}
    for room, settings in ROOMS.items():
        for name, field in settings.model_fields.items():
            default = field.default
            fixed = default not in (None, PydanticUndefined) and field.default_factory is None
            readers, shown, what = rows.get(name, ([], "", ""))
            shown = shown or (f"`{default}`" if fixed and str(default) else "")
            rows[name] = ([*readers, room], shown, what or field.description or "")
    lines = [
        f"| `{PREFIX}{name.upper()}` | {', '.join(readers)} | {default} | {what} |"
        for name, (readers, default, what) in rows.items()
    ]
    return "\n".join(["| setting | read by | default | what |", "|---|---|---|---|", *lines]) + "\n"


def written(page: str) -> str:
    """What the page has between its marks."""
    return page.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(BEGIN + written(page), BEGIN + table()), encoding="utf-8")
