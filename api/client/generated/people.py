"""People of the API. Written by `python -m infra.client_code`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.client.call import Call, at, given, new_key
from api.client.operations import Resource, S, listing, operation


class CreatedInvitation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An invitation that was just made, with its link."""

    token: str | None = None
    path: str | None = None
    mailed: bool
    invitation_id: str
    email: str
    name: str
    role: str
    departments: list[str]
    employee: str
    status: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class Invitation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An offer to belong to the organization."""

    invitation_id: str
    email: str
    name: str
    role: str
    departments: list[str]
    employee: str
    status: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class InvitationList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of invitations, newest first."""

    invitations: list[Invitation]
    next: str | None = None


class PasswordReset(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A link that sets a new password, once."""

    token: str | None = None
    path: str | None = None
    mailed: bool
    expires_at: datetime


class Person(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Somebody of the organization."""

    person_id: str
    email: str
    name: str
    role: str
    departments: list[str]
    employee: str
    password: bool
    second_factor: bool
    created_at: datetime
    changed_at: datetime
    seen_at: datetime | None = None


class PersonList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A page of people, by e-mail address."""

    people: list[Person]
    next: str | None = None


class Session(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One session of a person."""

    session_id: str
    current: bool
    created_at: datetime
    seen_at: datetime
    authenticated_at: datetime | None = None
    expires_at: datetime
    method: str
    address: str
    user_agent: str


class SessionList(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A person's sessions, newest first."""

    sessions: list[Session]


class PeopleResource(Resource[S]):
    """Operations on people."""

    def _list(
        self,
        *,
        role: str | None = None,
        department_id: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Call[PersonList]:
        """List people."""
        return Call(
            "GET",
            "/v1/people",
            PersonList,
            query={"role": role, "department_id": department_id, "after": after, "limit": limit},
            reads=True,
        )

    list = listing(_list, "people", Person)

    @operation
    def read(self, person_id: str) -> Call[Person]:
        """Look at a person."""
        return Call("GET", at("/v1/people/{}", person_id), Person, reads=True)

    @operation
    def change(
        self,
        person_id: str,
        *,
        role: str | None = None,
        departments: Sequence[str] | None = None,
        employee: str | None = None,
        if_match: str | None = None,
    ) -> Call[Person]:
        """Change what a person is."""
        return Call(
            "PATCH",
            at("/v1/people/{}", person_id),
            Person,
            body=given(role=role, departments=departments, employee=employee),
            if_match=if_match,
        )

    @operation
    def remove(self, person_id: str, *, if_match: str | None = None) -> Call[None]:
        """Remove a person."""
        return Call("DELETE", at("/v1/people/{}", person_id), None, if_match=if_match)

    @operation
    def sessions(self, person_id: str) -> Call[SessionList]:
        """List a person's sessions."""
        return Call("GET", at("/v1/people/{}/sessions", person_id), SessionList, reads=True)

    @operation
    def end_sessions(self, person_id: str) -> Call[None]:
        """End all sessions of a person."""
        return Call("DELETE", at("/v1/people/{}/sessions", person_id), None)

    @operation
    def end_session(self, person_id: str, session_id: str) -> Call[None]:
        """End a session of a person."""
        return Call("DELETE", at("/v1/people/{}/sessions/{}", person_id, session_id), None)

    @operation
    def invite(
        self,
        *,
        email: str,
        role: str,
        name: str | None = None,
        departments: Sequence[str] | None = None,
        employee: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[CreatedInvitation]:
        """Invite somebody."""
        return Call(
            "POST",
            "/v1/invitations",
            CreatedInvitation,
            body=given(email=email, role=role, name=name, departments=departments, employee=employee),
            key=idempotency_key or new_key(),
        )

    def _invitations(
        self, *, status: str | None = None, after: str | None = None, limit: int | None = None
    ) -> Call[InvitationList]:
        """List invitations."""
        return Call(
            "GET",
            "/v1/invitations",
            InvitationList,
            query={"status": status, "after": after, "limit": limit},
            reads=True,
        )

    invitations = listing(_invitations, "invitations", Invitation)

    @operation
    def withdraw_invitation(self, invitation_id: str) -> Call[None]:
        """Withdraw an invitation."""
        return Call("DELETE", at("/v1/invitations/{}", invitation_id), None)

    @operation
    def create_password_reset(self, person_id: str) -> Call[PasswordReset]:
        """Make a password reset link."""
        return Call("POST", at("/v1/people/{}/password-resets", person_id), PasswordReset)

    @operation
    def reset_second_factor(self, person_id: str) -> Call[None]:
        """Reset a person's second factor."""
        return Call("DELETE", at("/v1/people/{}/second-factor", person_id), None)

    @operation
    def forget_identities(self, person_id: str) -> Call[None]:
        """Forget a person's identities."""
        return Call("DELETE", at("/v1/people/{}/identities", person_id), None)
