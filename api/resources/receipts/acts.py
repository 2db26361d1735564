"""What is done with receipts, for the routes of the API and for its pages alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import PurePath
from typing import Final

from fastapi import Request

from api.access.audit import Changeset
from api.access.keys import Principal, Scope
from api.access.notes import change
from api.access.people import Person, reach_of
from api.access.reach import require_department
from api.access.roles import Reach
from api.http.paging import Page
from api.http.paths import storable
from api.http.preferences import Wait
from api.http.problems import Problem
from api.receipts.admission import BYTES_MAX, ReceiptRefused
from api.resources.organization_paths import OfOrganization, invalid
from api.resources.receipts.bodies import ReceiptListOut, ReceiptOut, receipt_out
from api.resources.scanned import require_harmless
from api.resources.transactions.read import transaction_life
from api.services import Services, since_of
from api.stores.receipts import ReceiptFilters, ReceiptReach
from schemas.authorizations import Authorization

NAME_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent; its name is for people alone."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Receipts:
    """The receipts that one caller reaches. Every method raises Problem."""

    services: Services
    caller: Principal
    request: Request  # in whose name it is done, for the audit log

    async def page(self, page: Page, filters: ReceiptFilters) -> ReceiptListOut:
        """Newest first."""
        rows, following = page.turn(
            await self.services.receipts.page(
                self.caller.organization_id, self.reach(), filters, page.rows_max
            ),
            lambda row: (row["uploaded_at"], row["receipt_id"]),
        )
        return ReceiptListOut(receipts=[receipt_out(row) for row in rows], next=following)

    async def receipt(self, receipt_id: str) -> ReceiptOut:
        """404: there is none of this id within reach."""
        found = None
        if storable(receipt_id):
            rows = await self.services.receipts.page(
                self.caller.organization_id, self.reach(), ReceiptFilters(receipt_id), 1
            )
            found = rows[0] if rows else None
        if found is None:
            raise Problem(404, "unknown_receipt", "There is no such receipt.")
        return receipt_out(found)

    async def content(self, receipt_id: str) -> tuple[ReceiptOut, bytes]:
        """The receipt and its file, as it was written anew."""
        shown = await self.receipt(receipt_id)
        found = await self.services.receipts.content(self.caller.organization_id, receipt_id)
        if found is None:
            raise Problem(404, "unknown_receipt", "There is no such receipt.")
        return shown, found[0]

    async def upload(
        self, sent: SentFile, employee: str | None, authorization_id: str | None, department_id: str | None
    ) -> tuple[ReceiptOut, bool]:
        """The receipt, and whether it is new: the same file of the same employee is one receipt."""
        employee = self._whose(employee)
        purchase = None
        if authorization_id is not None:
            purchase = await self._purchase(authorization_id, department_id)
        await require_harmless(self.request, sent.content)
        try:
            admitted = await self.services.receipt_door.admit(sent.content)
        except ReceiptRefused as refused:
            status = 413 if refused.code == "file_too_large" else 422
            raise Problem(status, refused.code, str(refused)) from None
        digest = sha256(sent.content).hexdigest()
        organization_id = self.caller.organization_id
        name = f"{organization_id}\0{employee or ''}\0{digest}"
        receipt_id = f"rcp_{sha256(name.encode()).hexdigest()[:20]}"
        await self.services.receipts.keep(
            organization_id,
            sha256=digest,
            media_type=admitted.media_type,
            pages=admitted.pages,
            content=admitted.content,
        )

        async def put(changes: Changeset) -> bool:
            row = await changes.row(
                "receipt_put",
                organization_id=organization_id,
                receipt_id=receipt_id,
                sha256=digest,
                file_name=shown_name(sent.name),
                sent_bytes=len(sent.content),
                employee=employee,
                uploaded_by=self.caller.actor,
                department_id=None if purchase is None else purchase.department_id,
                authorization_id=None if purchase is None else purchase.authorization_id,
            )
            made = bool(row and row["made"])
            if made:
                told = {"file_name": shown_name(sent.name), "sha256": digest, "employee": employee}
                changes.tell(_place(receipt_id), after=told | _link_of(purchase))
            return made

        made = await change(self.request, put)
        if not made and purchase is not None:
            return await self._linked(receipt_id, purchase), False
        return await self.receipt(receipt_id), made

    async def link(self, receipt_id: str, authorization_id: str, department_id: str | None) -> ReceiptOut:
        """To a purchase that the caller reaches, too."""
        await self.receipt(receipt_id)
        return await self._linked(receipt_id, await self._purchase(authorization_id, department_id))

    async def unlink(self, receipt_id: str) -> ReceiptOut:
        """From its purchase, or from all that are suggested: it is of none of them."""
        before = await self.receipt(receipt_id)

        async def take(changes: Changeset) -> None:
            await changes.row("receipt_unlink", **self._key(receipt_id))
            linked = before.transaction
            was = [
                f"{one.department_id}/{one.authorization_id}"
                for one in ([linked] if linked else before.suggestions)
            ]
            changes.tell(_place(receipt_id), before={"transactions": was}, after={"transactions": []})

        await change(self.request, take)
        return await self.receipt(receipt_id)

    async def remove(self, receipt_id: str) -> None:
        """With its file, unless another receipt has the same."""
        before = await self.receipt(receipt_id)

        async def take(changes: Changeset) -> None:
            if row := await changes.row("receipt_remove", **self._key(receipt_id)):
                await changes.row(
                    "receipt_file_forget", organization_id=self.caller.organization_id, sha256=row["sha256"]
                )
                changes.tell(
                    _place(receipt_id), before={"file_name": before.file_name, "sha256": before.sha256}
                )

        await change(self.request, take)

    async def _linked(self, receipt_id: str, purchase: Authorization) -> ReceiptOut:
        async def put(changes: Changeset) -> None:
            await changes.row(
                "receipt_link",
                **self._key(receipt_id),
                department_id=purchase.department_id,
                authorization_id=purchase.authorization_id,
                actor=self.caller.actor,
            )
            changes.tell(_place(receipt_id), after=_link_of(purchase))

        await change(self.request, put)
        return await self.receipt(receipt_id)

    def _key(self, receipt_id: str) -> dict[str, str]:
        return {"organization_id": self.caller.organization_id, "receipt_id": receipt_id}

    def reach(self) -> ReceiptReach:
        """His own, and those of the departments that his permission reaches."""
        caller = self.caller
        reach = reach_of(caller, Scope.RECEIPTS_READ, Scope.RECEIPTS_WRITE)
        if not isinstance(caller, Person) or reach is Reach.ORGANIZATION:
            return ReceiptReach(everything=True)
        departments = tuple(sorted(caller.departments)) if reach is Reach.DEPARTMENTS else ()
        return ReceiptReach(False, (caller.employee, caller.actor), departments)

    def _whose(self, employee: str | None) -> str | None:
        """Of whom it is: a person's own, unless he may say otherwise."""
        caller = self.caller
        if employee is not None and not (storable(employee) and 1 <= len(employee) <= NAME_MAX):
            raise invalid(
                "body.employee", "value_error", f"must have 1 to {NAME_MAX} characters, none of control"
            )
        if not isinstance(caller, Person):
            return employee
        own = (caller.employee, caller.actor)
        if employee not in (None, *own) and reach_of(caller, Scope.RECEIPTS_WRITE) is not Reach.ORGANIZATION:
            raise Problem(
                403, "out_of_reach", f"{caller.actor} may send his own receipts, and this is another's."
            )
        return employee or caller.employee

    async def _purchase(self, authorization_id: str, department_id: str | None) -> Authorization:
        """404: there is none within reach."""
        reading = OfOrganization(self.services, since_of(self.request), self.caller, Wait(0), None)
        found, _ = await transaction_life(reading, authorization_id, department_id)
        if reach_of(self.caller, Scope.RECEIPTS_WRITE) is Reach.DEPARTMENTS:
            require_department(self.caller, found.department_id, Scope.RECEIPTS_WRITE)
        return found


def shown_name(name: str) -> str:
    """Of a file as somebody's machine calls it: without folders and what cannot be shown."""
    plain = PurePath(name.replace("\\", "/")).name.encode("utf-8", "replace").decode()
    return "".join(letter for letter in plain if letter.isprintable()).strip()[:NAME_MAX] or "receipt"


def before_of(page: Page) -> tuple[datetime, str] | None:
    """Where the page before ended. Raises Problem 422."""
    return page.key(tuple[datetime, str])


def too_large() -> Problem:
    """Of a file beyond the bound, which was not read to its end."""
    return Problem(413, "file_too_large", f"The file has more than {BYTES_MAX:,} bytes. Make it smaller.")


def _place(receipt_id: str) -> str:
    return f"/v1/receipts/{receipt_id}"


def _link_of(purchase: Authorization | None) -> dict[str, str]:
    if purchase is None:
        return {}
    return {"authorization_id": purchase.authorization_id, "department_id": purchase.department_id}
