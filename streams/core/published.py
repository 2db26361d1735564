"""Models that are published: taken over at a position of the log, like a policy."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from schemas.administration import ModelPublished
from schemas.boosted import UnusableModel, decode_model
from schemas.decisions import Decision
from schemas.effects import ModelTaken
from schemas.reasons import ReasonCode
from streams.core.case import Answers, Case, Rejected


def publish(case: Case, event: ModelPublished) -> Decision:
    """It scores the organization's requests in this partition from here on. No rule asks for it."""
    digest = sha256(event.model).hexdigest()
    if digest != event.digest:
        raise Rejected(ReasonCode.INVALID_MODEL, f"its bytes have the digest {digest}, not {event.digest}")
    try:
        decode_model(event.model)
    except UnusableModel as why:
        raise Rejected(ReasonCode.INVALID_MODEL, str(why)[:300]) from None
    return case.accepted(ModelTaken(digest=digest, model=event.model))


ANSWERS: Final[Answers] = {
    ModelPublished: publish,
}
