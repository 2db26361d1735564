"""Answers as bytes. The models are for the description; nothing is validated a second time on its way out."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.responses import Response

from api.preferences import POSITION_HEADER, Wait
from schemas.ids import Position

REPLAYED_HEADER = "Idempotency-Replayed"

PENDING_DETAIL = {
    True: "The event is in the log and will be decided. This is neither an approval nor a decline.",
    False: "Whether the event reached the log is not known. Repeat the request with the same "
    "Idempotency-Key; it cannot be decided twice.",
}


def reply(body: BaseModel, status: int = 200, **headers: str) -> Response:
    """JSON of a model. Underscores in header names become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body.model_dump_json(), status, named, "application/json")


def decided_headers(wait: Wait, *, replayed: bool, position: Position | None = None) -> dict[str, str]:
    """Of an answer to an event. `position`: of the decision that gave it, a repeat's own too."""
    headers = dict(wait.applied)
    if position is not None:
        headers[POSITION_HEADER] = str(position)
    if replayed:
        headers[REPLAYED_HEADER] = "true"
    return headers


_TEXT = {"schema": {"type": "string"}}
POSITION = {POSITION_HEADER: {"description": "log position, `partition:seq`", **_TEXT}}
REPLAYED = {REPLAYED_HEADER: {"description": "`true`: the first answer again", **_TEXT}}
APPLIED = {"Preference-Applied": {"description": "the wait that was honoured", **_TEXT}}
LOCATION = {"Location": {"description": "where the answer will be", **_TEXT}}
