"""`python -m api`: serve with the settings of the environment."""

from __future__ import annotations

import sys

from api.server import serve
from api.settings import SettingsError, load_settings

if __name__ == "__main__":
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(str(error))
    serve(settings)
