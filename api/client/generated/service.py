"""Service of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, at
from api.client.operations import Resource, S, operation


class Part(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One service that is needed."""

    state: str
    detail: str | None = None


class ProblemType(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A kind of problem."""

    type: str
    code: str
    status: list[int]
    title: str
    means: str
    do: str


class ProblemTypes(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All kinds of problems."""

    problem_types: list[ProblemType]


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`ready`."""

    status: str
    kafka: Part
    decisions: Part
    postgresql: Part
    redis: Part
    standing_still: list[StandingStill]


class StandingStill(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A partition in which a worker decides nothing, or a sink stores nothing, while the others go on."""

    part: str
    partition: int
    since: datetime | None = None
    why: str
    what_to_do: str | None = None


class ServiceResource(Resource[S]):
    """Operations on service."""

    @operation
    def readiness(self) -> Call[Readiness]:
        """Can it take authorizations?."""
        return Call("GET", "/readyz", Readiness, reads=True)

    @operation
    def problem_types(self) -> Call[ProblemTypes]:
        """List problem types."""
        return Call("GET", "/problems", ProblemTypes, reads=True)

    @operation
    def problem_type(self, code: str) -> Call[ProblemType]:
        """Look at a problem type."""
        return Call("GET", at("/problems/{}", code), ProblemType, reads=True)
