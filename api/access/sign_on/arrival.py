"""From an identity to a member: found by his subject, or by a verified e-mail address among the members and
the open invitations of the provider's organization; then what the mapping makes of him.

A provider speaks for its organization alone, whatever address it names: nobody gets in anywhere else by it.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from api.access.audit import Audit, Changeset
from api.access.roles import Role, fits, may_give, permissions_of
from api.access.sessions import SignInOrigin
from api.access.sign_on.identity import Identity, IdentityProvider
from api.access.trail import AuditEntry
from api.http.problems import Problem
from api.stores.postgres import Unstorable

_STATE: Final = ("role", "departments", "employee")


class Arrivals:
    """Who comes by a provider."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def member(self, provider: IdentityProvider, identity: Identity, origin: SignInOrigin) -> str:
        """The id of the person that he is. Raises Problem 403: nobody in this organization, PostgresAway."""
        try:
            return await self._in_one(provider, identity, origin, mapped=True)
        except Unstorable as refused:
            # The last Org Admin stays one, whatever the provider says of him.
            if refused.constraint not in ("last_org_admin", "break_glass"):
                raise _not_here("This identity was taken at this moment: try again.") from None
        except Problem as problem:
            await self.refuse(provider, origin, problem.code, identity.email or "")
            raise
        return await self._in_one(provider, identity, origin, mapped=False)

    async def refuse(
        self, provider: IdentityProvider, origin: SignInOrigin, reason: str, email: str = ""
    ) -> None:
        """A record of it for the organization."""
        trail = origin.trail(provider.organization_id, email or provider.provider_id, "")
        place = f"/v1/identity-providers/{provider.provider_id}"
        await self._audit.later.tell_refused(AuditEntry(trail=trail, resource=place, reason=reason))

    async def _in_one(
        self, provider: IdentityProvider, identity: Identity, origin: SignInOrigin, *, mapped: bool
    ) -> str:
        async def arrive(changes: Changeset) -> str:
            of = {"organization_id": provider.organization_id}
            linked = {**of, "provider_id": provider.provider_id, "subject": identity.subject}
            known = await changes.row("seen_identity", **linked)
            person_id = known["person_id"] if known else await _matched(changes, provider, identity, origin)
            if known is None:
                made = await changes.row("link_identity", **linked, person_id=person_id)
                if made is None:
                    raise _another(provider)
                place = f"/v1/people/{person_id}/identities"
                trail = origin.trail(provider.organization_id, identity.email or "", person_id)
                changes.tell(place, after={"provider_id": provider.provider_id}, by=trail)
            if mapped:
                await _become(changes, provider, identity, origin, person_id)
            return person_id

        return await self._audit.change(origin.trail(provider.organization_id, "", ""), arrive)


async def _matched(
    changes: Changeset, provider: IdentityProvider, identity: Identity, origin: SignInOrigin
) -> str:
    """By his address, who comes for the first time. Raises Problem 403."""
    of: dict[str, Any] = {"organization_id": provider.organization_id}
    email = identity.email
    if email is None:
        raise _not_here(f"{provider.name} does not say that it has verified your e-mail address.")
    await _require_proved(changes, provider, email.partition("@")[2])
    found = await changes.row("is_member", **of, email=email)
    if found is not None:
        return str(found["person_id"])
    invited = await changes.row("open_invitation", **of, email=email)
    if invited is None:
        raise _not_here(f"Nobody has invited {email} to {provider.organization_id}.")
    if invited["elsewhere"]:
        # An admin, who has the provider, would make him a member without his doing anything.
        raise _not_here(
            "Another organization knows you: open the link of your invitation and accept it with your "
            "password; then sign in like this."
        )
    person = await changes.row(
        "person_for", person_id=f"usr_{secrets.token_hex(8)}", email=email, name=invited["name"]
    )
    assert person is not None
    person_id = str(person["person_id"])
    terms = {name: invited[name] for name in _STATE}
    await changes.row("accept_invitation", **of, invitation_id=invited["invitation_id"])
    await changes.row("join", **of, person_id=person_id, **terms)
    trail = origin.trail(provider.organization_id, email, person_id)
    changes.tell(f"/v1/people/{person_id}", after={"email": email, **terms}, by=trail)
    return person_id


async def _require_proved(changes: Changeset, provider: IdentityProvider, domain: str) -> None:
    """By the domains that it names, if any: one of them, which its own DNS says is the organization's."""
    if not provider.domains:
        return
    if domain not in provider.domains:
        raise _not_here(f"{provider.name} may not sign in people of {domain[:100]}.")
    of = {"organization_id": provider.organization_id, "domain": domain}
    if await changes.row("is_domain_proved", **of) is None:
        raise _not_here(f"{domain[:100]} is not proved to be of {provider.organization_id}.")


async def _become(
    changes: Changeset,
    provider: IdentityProvider,
    identity: Identity,
    origin: SignInOrigin,
    person_id: str,
) -> None:
    """What the mapping says that he is, as far as who has set it may give that. Raises Problem 403."""
    mapping, organization = provider.mapping, provider.organization_id
    if mapping.roles is None and mapping.departments is None:
        return
    who = {"organization_id": organization, "person_id": person_id}
    before = await changes.row("member_state", **who)
    assert before is not None
    after = {name: before[name] for name in _STATE}
    if mapping.roles is not None:
        role = mapping.role_of(identity.claims)
        if role is None:
            raise _not_here(f"{provider.name} names no group of yours that has a role here.")
        after["role"] = role.value
    if mapping.departments is not None:
        after["departments"] = mapping.departments_of(identity.claims)
        if not after["departments"] and after["role"] == Role.FINANCE_MANAGER:
            # Without any he would have them all.
            raise _not_here(f"{provider.name} names no department for you, and a Finance Manager needs one.")
    if all(after[name] == before[name] for name in _STATE):
        return
    giver = await changes.row("giver", organization_id=organization, giver_id=provider.mapped_by_id)
    assert giver is not None
    scopes = permissions_of(giver["role"], giver["scopes"])
    touched = (Role(before["role"]), Role(after["role"]))
    if not fits(touched[1], organization) or not all(may_give(scopes, role) for role in touched):
        return  # he may do so no more: an Org Admin saves the mapping anew
    await changes.row("change_member", **who, **after)
    if before["role"] != after["role"]:
        row = await changes.row("withdraw_invitations_of", **who)
        for one in (row["invitations"] if row else None) or []:
            told = {"status": "withdrawn"}
            changes.tell(f"/v1/invitations/{one}", before={"status": "open"}, after=told)
    trail = origin.trail(organization, before["email"], person_id)
    shown = {name: before[name] for name in _STATE}
    changes.tell(f"/v1/people/{person_id}", before=shown, after=after, by=trail)


def _not_here(words: str) -> Problem:
    return Problem(403, "not_let_in", f"{words} An Org Admin of yours can help.")


def _another(provider: IdentityProvider) -> Problem:
    return _not_here(
        f"Your e-mail address is that of another account of {provider.name}, which has signed in here before."
    )
