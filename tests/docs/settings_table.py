"""The settings of docs/operations.md, from the classes that read them.

`python -m tests.docs.settings_table` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

import api.api_settings
import infra.jobs.job_settings
import infra.learning.learner_settings
import infra.stack_settings
import infra.ticker.ticker_settings
import sinks.sink_settings
import sinks.webhooks.webhook_settings
from schemas.settings import PREFIX
from streams.stream_settings import StreamSettings

ROOMS: dict[str, type[BaseSettings]] = {
    "commands": infra.stack_settings.StackSettings,
    "worker": StreamSettings,
    "sinks": sinks.sink_settings.SinkSettings,
    "ticker": infra.ticker.ticker_settings.TickerSettings,
    "learner": infra.learning.learner_settings.LearnerSettings,
    "sender": sinks.webhooks.webhook_settings.WebhookSettings,
    "jobs": infra.jobs.job_settings.JobSettings,
    "API": api.api_settings.ApiSettings,
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
