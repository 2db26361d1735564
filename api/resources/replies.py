"""Answers as bytes. The models are for the description; nothing is validated a second time on its way out."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.responses import Response

from api.asking.submit import Pending
from api.http.preferences import POSITION_HEADER, Wait
from api.http.problems import Problem
from api.http.types import PendingOut
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


def undecided(body: PendingOut, pending: Pending, wait: Wait, *, location: str | None = None) -> Response:
    """202 for the first use of a key. `location`: where the answer will be.

    Raises:
        Problem: 409 for a repeat that has waited as well: the request that it repeats is still in flight.
    """
    headers = {"Retry-After": "1", **wait.applied}
    if location is not None:
        headers["Location"] = location
    if pending.repeated and pending.recorded:
        raise Problem(
            409,
            "request_in_flight",
            "This request is in the log already, and its decision has not come within the wait. Nothing is "
            "decided twice: repeat it with the same Idempotency-Key for its answer.",
            headers=headers,
        )
    return Response(body.model_dump_json(), 202, headers, "application/json")


_TEXT = {"schema": {"type": "string"}}
POSITION = {POSITION_HEADER: {"description": "log position, `partition:seq`", **_TEXT}}
REPLAYED = {REPLAYED_HEADER: {"description": "`true`: the first answer again", **_TEXT}}
APPLIED = {"Preference-Applied": {"description": "the wait that was honoured", **_TEXT}}
LOCATION = {"Location": {"description": "where the answer will be", **_TEXT}}
