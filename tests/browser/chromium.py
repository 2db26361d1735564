"""Which browser the tests drive: Debian's Chromium, found on the machine, never downloaded."""

from __future__ import annotations

import shutil

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class BrowserChoice(BaseSettings):
    """SPENDLOG_CHROMIUM: the program. CI: there it must be found."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    spendlog_chromium: str | None = None
    ci: bool = Field(default=False)


def find_chromium() -> str | None:
    """The path of the program; None where there is none."""
    chosen = BrowserChoice().spendlog_chromium
    if chosen is not None:
        return shutil.which(chosen)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


MISSING = "no Chromium: install Debian's package chromium, or name the program in SPENDLOG_CHROMIUM"
