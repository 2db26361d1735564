"""Sessions of people: how they begin, whose they are, how they end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from api.access import factor
from api.access.audit import Audit, Changeset
from api.access.keyring import Verified
from api.access.keys import digest
from api.access.passwords import Passwords
from api.access.people import Person, person_from_row
from api.access.trail import AuditEntry, Trail
from api.http.problems import Problem
from api.stores.attempts import Attempts
from api.stores.postgres import Postgres, Row, Unstorable
from api.stores.sql import statement

FRESH_S: Final = 3.0  # what is ended in another process ends here within 5 s, the look-up included
AUTHENTICATED_MAX: Final = timedelta(minutes=15)

Method = Literal["password", "link", "oidc", "saml"]
#: Whose second factor a session began with.
Factor = Literal["own", "provider"]


@dataclass(frozen=True, slots=True)
class SignInOrigin:
    """Where somebody comes from: for limits, for the list of sessions, and for the audit log.

    `replaced`: the hash of the token of the session that this browser has, which ends with a new one.
    """

    address: str
    user_agent: str
    action: str
    request_id: str
    replaced: bytes | None = None

    def trail(self, organization_id: str, email: str, person_id: str) -> Trail:
        """By him who says that he is this person."""
        return Trail(
            organization_id=organization_id,
            action=self.action,
            actor=email,
            actor_id=person_id,
            request_id=self.request_id,
            address=self.address[:100],
        )


class Sessions(Verified[Person]):
    """Sessions end after `idle_s` without a request, after `absolute_s` at the latest, or by being ended."""

    def __init__(
        self,
        postgres: Postgres,
        audit: Audit,
        attempts: Attempts,
        passwords: Passwords,
        *,
        idle_s: float,
        absolute_s: float,
        fresh_s: float = FRESH_S,
    ) -> None:
        async def find(hashed: bytes) -> Person | None:
            asked = {"sha256": hashed, "idle_s": idle_s}
            row = await postgres.row(statement("find_session"), asked)
            return None if row is None else person_from_row(row)

        super().__init__(find, fresh_s=min(fresh_s, FRESH_S), stale_s=0.0)
        self.absolute_s = absolute_s
        self._postgres = postgres
        self._audit = audit
        self._attempts = attempts
        self._passwords = passwords

    async def sign_in(
        self,
        email: str,
        password: str,
        origin: SignInOrigin,
        *,
        code: str | None = None,
        organization_id: str | None = None,
    ) -> tuple[str, Person]:
        """A new session's token, never to be had again, and who it is. `code`: of the second factor.

        `organization_id`: which of his; the one he belongs to longest, if None.

        Raises:
            Problem: 401 wrong (which of the two is not said) or without a code that is needed, 403 he is no
                member there, or it wants its people to come by its identity provider, 429 too many tries.
            PostgresAway: people cannot be looked up.
        """
        row = await self.prove(email, password, origin, code=code)
        return await self._enter(row, origin, organization_id)

    async def by_code(self, email: str, code: str, origin: SignInOrigin) -> Row:
        """The same person as of `prove`, whose password was right a moment ago. Raises as `sign_in`."""
        row = await self.prove_code(email, code, origin)
        if row is None:
            raise Problem(401, "wrong_credentials", "There is nobody of this e-mail address any more.")
        return row

    async def open_to(self, row: Row) -> list[str]:
        """The organizations into which a password lets a person of `prove`, the longest first.

        Raises Problem 403: there is none.
        """
        organizations: list[str] = row["organizations"]
        if not organizations:
            raise Problem(403, "no_membership", "There is no organization in which this person is a member.")
        return await self.require_password_enough(row["person_id"], *organizations)

    async def _enter(
        self, row: Row, origin: SignInOrigin, organization_id: str | None = None
    ) -> tuple[str, Person]:
        organizations: list[str] = row["organizations"]
        if not organizations or organization_id not in (None, *organizations):
            raise Problem(403, "no_membership", "There is no organization in which this person is a member.")
        wanted = organizations if organization_id is None else [organization_id]
        first, *_ = await self.require_password_enough(row["person_id"], *wanted)
        return await self.begin(
            row["person_id"], first, origin, method="password", second_factor=own_factor(row)
        )

    async def switch(
        self, person: Person, organization_id: str, origin: SignInOrigin
    ) -> tuple[str, Person] | None:
        """A session of the same person in another of his organizations, for the one he has, which ends.

        None: he has to say who he is anew. He came by a link, which one organization gave him for itself, or
        by the provider of one; or the other one lets nobody in by a password.
        """
        row = await self._postgres.row(statement("session_method"), {"session_id": person.session_id})
        if row is None or row["method"] != "password" or person.authenticated_at is None:
            return None
        try:
            await self.require_password_enough(person.id, organization_id)
        except Problem:
            return None
        begun = await self.begin(
            person.id,
            organization_id,
            origin,
            method="password",
            authenticated_at=person.authenticated_at,
            second_factor=row["second_factor"],
        )
        await self.end(person, person.session_id, origin)
        return begun

    async def organizations_of(self, person: Person) -> list[str]:
        """All that he belongs to, the longest first."""
        row = await self._postgres.row(statement("find_person"), {"email": person.actor})
        return [] if row is None else list(row["organizations"])

    async def require_password_enough(self, person_id: str | None, *organizations: str) -> list[str]:
        """Those of these into which a password lets this person. Raises Problem 403: there is none."""
        asked: Row = {"organizations": [*organizations], "person_id": person_id}
        row = await self._postgres.row(statement("sign_on_required"), asked)
        closed = row["organizations"] if row else organizations
        open_ = [one for one in organizations if one not in closed]
        if open_:
            return open_
        words = f"{organizations[0]} lets its people in by its identity provider, and by no password."
        raise Problem(403, "sign_on_required", words, organization_id=organizations[0])

    async def by_link(
        self, token: str, origin: SignInOrigin, *, code: str | None = None
    ) -> tuple[str, Person]:
        """The same with a link of `spendlog people link`, which is used up. Raises Problem, PostgresAway."""
        await self._attempts.count(origin.address)
        kinds = {"sha256": digest(token), "kinds": ["sign_in"]}
        found = await self._postgres.row(statement("find_link"), kinds)
        proved = None
        if found is not None:  # a code that is missing does not use the link up
            proved = await self.prove_code(found["email"], code, origin)
        row = await self._postgres.row(statement("use_link"), kinds)
        if row is None:
            raise Problem(
                401, "invalid_link", "This link is not known, was used, or is too old. Ask for another."
            )
        return await self.begin(
            row["person_id"], row["organization_id"], origin, method="link", second_factor=own_factor(proved)
        )

    async def confirm(
        self, person: Person, password: str, origin: SignInOrigin, *, code: str | None = None
    ) -> str:
        """He is still the one who signed in: what needs that works for a while. The session's new token; the
        one before is good no more. Raises as `sign_in`."""
        await self.prove(person.actor, password, origin, code=code)
        await self.require_password_enough(person.id, person.organization_id)
        token = secrets.token_urlsafe(32)

        async def confirm(changes: Changeset) -> None:
            who = {"session_id": person.session_id, "person_id": person.id}
            await changes.row("confirm_session", **who, sha256=digest(token))
            changes.tell(_place(person.session_id))

        await self._audit.change(self._trail(person, origin), confirm)
        self.forget(lambda known: known.session_id == person.session_id)
        return token

    async def begin(
        self,
        person_id: str,
        organization_id: str,
        origin: SignInOrigin,
        *,
        method: Method,
        authenticated_at: datetime | None = None,
        second_factor: Factor | None = None,
    ) -> tuple[str, Person]:
        """A session of somebody whose identity is proved. `authenticated_at`: when, if not now;
        `second_factor`: the one that he gave."""
        token = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        session_id = f"ses_{secrets.token_hex(10)}"

        async def begin(changes: Changeset) -> tuple[Person, str | None]:
            replaced = origin.replaced and await changes.row("replace_session", sha256=origin.replaced)
            await changes.row(
                "begin_session",
                sha256=digest(token),
                session_id=session_id,
                organization_id=organization_id,
                person_id=person_id,
                authenticated_at=None if method == "link" else authenticated_at or now,
                expires_at=now + timedelta(seconds=self.absolute_s),
                method=method,
                second_factor=second_factor,
                address=origin.address[:100],
                user_agent=origin.user_agent[:300],
            )
            row = await changes.row("find_session", sha256=digest(token), idle_s=self.absolute_s)
            if row is None:
                raise Problem(403, "no_membership", "This person is no longer a member of the organization.")
            person = person_from_row(row)
            told = {"method": method, "second_factor": second_factor}
            changes.tell(_place(session_id), after=told, by=self._trail(person, origin))
            return person, replaced["session_id"] if replaced else None

        trail = origin.trail(organization_id, "", person_id)
        try:
            person, replaced = await self._audit.change(trail, begin)
        except Unstorable:
            raise Problem(
                403, "no_membership", "This person is no longer a member of the organization."
            ) from None
        self.forget(lambda known: known.session_id == replaced)
        return token, person

    async def end(self, person: Person, session_id: str, origin: SignInOrigin) -> bool:
        """Whether there was such a session of his. In other processes it ends within 5 s."""

        async def end(changes: Changeset) -> bool:
            row = await changes.row("end_session", session_id=session_id, person_id=person.id)
            if row is not None:
                changes.tell(_place(session_id))
            return row is not None

        ended = await self._audit.change(self._trail(person, origin), end)
        self.forget(lambda known: known.session_id == session_id)
        return ended

    def _trail(self, person: Person, origin: SignInOrigin) -> Trail:
        trail = origin.trail(person.organization_id, person.actor, person.id)
        return replace(trail, role=person.role.value)

    async def prove(self, email: str, password: str, origin: SignInOrigin, *, code: str | None = None) -> Row:
        """The person whose password it is, and whose code. Raises Problem 401, 429, PostgresAway."""
        await self._attempts.count(origin.address, email)
        row = await self._postgres.row(statement("find_person"), {"email": email})
        stored = None if row is None else row["password_hash"]
        if not await self._passwords.right(stored, password) or row is None:
            await self._tell_refused(row, "wrong_credentials", origin)
            raise Problem(401, "wrong_credentials", "E-mail address and password do not belong together.")
        if row["second_factor"]:
            await self._require_code(row, code, origin)
        await self._attempts.forgive(email)
        return row

    async def prove_code(self, email: str, code: str | None, origin: SignInOrigin) -> Row | None:
        """The person; it is his code where his second factor is on. Raises Problem 401, 429, PostgresAway."""
        await self._attempts.count(origin.address, email)
        row = await self._postgres.row(statement("find_person"), {"email": email})
        if row is not None and row["second_factor"]:
            await self._require_code(row, code, origin)
        await self._attempts.forgive(email)
        return row

    async def _tell_refused(self, person: Row | None, reason: str, origin: SignInOrigin) -> None:
        """To each organization of a known person; who is not known is nobody's."""
        if person is None:
            return
        for organization_id in person["organizations"]:
            trail = origin.trail(organization_id, person["email"], person["person_id"])
            entry = AuditEntry(trail=trail, resource="/v1/sessions", reason=reason)
            await self._audit.later.tell_refused(entry)

    async def _require_code(self, person: Row, code: str | None, origin: SignInOrigin) -> None:
        if not code:
            words = "Send the code of your authenticator too, or one of your recovery codes, as `code`."
            raise Problem(401, "code_required", words)
        step = factor.step_of(person["totp_secret"], code, datetime.now(UTC))
        if step is not None:
            asked: Row = {"person_id": person["person_id"], "step": step}
            row = await self._postgres.row(statement("use_code"), asked)
        else:
            asked = {"person_id": person["person_id"], "sha256": factor.recovery_digest(code)}
            row = await self._postgres.row(statement("use_recovery_code"), asked)
        if row is None or not row["good"]:
            await self._tell_refused(person, "wrong_code", origin)
            raise Problem(401, "wrong_code", "The code is wrong, or was used before. Wait for the next one.")


def own_factor(proved: Row | None) -> Factor | None:
    """Of somebody who was asked for his code, if he has one (`prove`, `prove_code`)."""
    return "own" if proved is not None and proved["second_factor"] else None


def _place(session_id: str) -> str:
    return f"/v1/sessions/{session_id}"


def require_recent(person: Person) -> None:
    """For what is worth an attack on a session: people, keys, webhooks. Raises Problem 403 unless he has said
    his password, or another provider has said who he is, in the last 15 minutes."""
    at = person.authenticated_at
    if at is None or datetime.now(UTC) - at > AUTHENTICATED_MAX:
        raise Problem(
            403,
            "authentication_too_old",
            "This needs a password that was given in the last 15 minutes: "
            "POST /v1/sessions/current/authentication, or a new sign-in by the identity provider, and then "
            "again.",
        )
