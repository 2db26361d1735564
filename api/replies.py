"""Answers as bytes. The models are for the description; nothing is validated a second time on its way out."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.responses import Response

from api.preferences import POSITION_HEADER

REPLAYED_HEADER = "Idempotency-Replayed"


def reply(body: BaseModel, status: int = 200, **headers: str) -> Response:
    """JSON of a model. Underscores in header names become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body.model_dump_json(), status, named, "application/json")


_TEXT = {"schema": {"type": "string"}}
POSITION = {POSITION_HEADER: {"description": "log position, `partition:seq`", **_TEXT}}
REPLAYED = {REPLAYED_HEADER: {"description": "`true`: the first answer again", **_TEXT}}
APPLIED = {"Preference-Applied": {"description": "the wait that was honoured", **_TEXT}}
LOCATION = {"Location": {"description": "where the answer will be", **_TEXT}}
