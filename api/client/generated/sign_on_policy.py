"""SignOnPolicy of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from datetime import datetime

import msgspec

from api.client.call import Call, given
from api.client.operations import Resource, S, operation


class SignOnPolicy(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Whether people must come by an identity provider, and with a second factor."""

    required: bool
    second_factor: bool
    break_glass: str | None = None
    changed_at: datetime | None = None


class SignOnPolicyResource(Resource[S]):
    """Operations on sign on policy."""

    @operation
    def read(self) -> Call[SignOnPolicy]:
        """Whether single sign-on is required."""
        return Call("GET", "/v1/sign-on-policy", SignOnPolicy, reads=True)

    @operation
    def set(
        self,
        *,
        required: bool,
        break_glass: str | None = None,
        second_factor: bool | None = None,
        if_match: str | None = None,
    ) -> Call[SignOnPolicy]:
        """Require single sign-on, or not."""
        return Call(
            "PUT",
            "/v1/sign-on-policy",
            SignOnPolicy,
            body=given(required=required, break_glass=break_glass, second_factor=second_factor),
            if_match=if_match,
        )
