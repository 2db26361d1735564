"""The REST API as commands call it: the client with the key of the settings, its problems as one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from api.client import Client, ClientError, NotReached, ProblemError
from api.client.call import Call
from infra.errors import SpendlogError
from infra.stack_settings import load_settings
from schemas.settings import SettingError

#: Of a call with all its tries, where the command does not say otherwise.
DEADLINE_S: Final = 20.0


@contextmanager
def connected() -> Iterator[Client]:
    """Raises SettingError when there is no key, SpendlogError for what the API refuses in the block."""
    settings = load_settings()
    if settings.api_key is None:
        raise SettingError(
            "setting SPENDLOG_API_KEY is missing: an API key, from `spendlog keys create --organization ORG`"
        )
    try:
        client = Client(settings.api_url, settings.api_key.get_secret_value(), deadline_s=DEADLINE_S)
    except ValueError as error:
        raise SettingError(f"setting SPENDLOG_API_URL: {error}") from None
    with client:
        try:
            yield client
        except ClientError as error:
            raise SpendlogError(told(error, client.url)) from None


def fetched(api: Client, wanted: Call[Any], out: Path) -> int:
    """An answer in the file `out`, which is there whole or as it was; its length in bytes.

    Raises SpendlogError: it cannot be written.
    """
    try:
        return api.download(wanted, out)
    except OSError as error:
        raise SpendlogError(f"{out} cannot be written: {error.strerror}") from None


def told(error: ClientError, url: str) -> str:
    """A problem's detail, and each member that is wrong on a line of its own."""
    if isinstance(error, NotReached):
        return f"the API at {url} cannot be reached; SPENDLOG_API_URL names it\n  {error}"
    lines = [str(error)]
    if isinstance(error, ProblemError):
        near = error.members.get("suggestions") or []
        if not near:
            lines += [f"  {one.field}: {one.message}" for one in error.errors]
        lines += [f"  ask: {question}" for question in near]
    return "\n".join(lines)
