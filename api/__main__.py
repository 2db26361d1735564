"""`python -m api [--host HOST] [--port PORT]`: serve with the settings of the environment.

It knows no rules, so policies cannot be tried here: `spendlog serve` starts `infra.serving`.
"""

from __future__ import annotations

import argparse
import sys

from api.api_settings import ApiSettings
from api.asking.beside import NOTHING_BESIDE, Beside
from api.logs import configure_logs
from api.server import serve
from schemas.exits import ExitStatus
from schemas.settings import SettingError, read_settings


def main(beside: Beside = NOTHING_BESIDE) -> None:
    """Ends with status 78 when a setting is wrong. `beside`: see `create_app`."""
    parser = argparse.ArgumentParser(prog="python -m api")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    where = parser.parse_args()
    try:
        settings = read_settings(ApiSettings)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(ExitStatus.WRONG_SETTING)
    configure_logs()
    serve(settings, host=where.host, port=where.port, beside=beside)


if __name__ == "__main__":
    main()
