"""The formats that can be written posting by posting; each ends with how many there were, or was cut off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from api.http.safe_csv import csv_lines, csv_of
from api.reports.journal.chart import AccountName
from api.reports.journal.postings import JournalPosting, one_line


class JournalFormat(Protocol):
    """Writes one journal."""

    media_type: str
    extension: str

    def head(self, organization_id: str) -> bytes: ...

    def lines(self, postings: Iterable[JournalPosting]) -> bytes: ...

    def tail(self) -> bytes: ...


class _Opened:
    """Accounts and currencies as they first occur: both formats want them declared."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.count = 0

    def new(self, *names: str) -> Iterator[str]:
        for name in names:
            if name not in self.seen:
                self.seen.add(name)
                yield name

    def accounts(self, *both: AccountName) -> Iterator[AccountName]:
        return (each for each in both if any(self.new(each.name)))


class Beancount:
    """https://beancount.github.io/docs/beancount_language_syntax.html; `bean-check` accepts it."""

    media_type = "text/plain; charset=utf-8"
    extension = "beancount"

    def __init__(self) -> None:
        self._opened = _Opened()

    def head(self, organization_id: str) -> bytes:
        return f'option "title" "{organization_id}"\n'.encode()

    def lines(self, postings: Iterable[JournalPosting]) -> bytes:
        found = []
        for one in postings:
            self._opened.count += 1
            # The order of lines means nothing to beancount; before every booking is early enough.
            found += [
                f"1970-01-01 open {name}\n" + (f'  code: "{code}"\n' if code else "")
                for name, code in self._opened.accounts(one.debit, one.credit)
            ]
            found.append(
                f'\n{one.day} * "{_quoted(one.payee or one.department_id)}" "{_quoted(described(one))}"\n'
                f'  entry: "{one.entry_id}"\n'
                f"  {one.debit.name}  {one.amount:f} {one.currency}\n"
                f"  {one.credit.name}  {-one.amount:f} {one.currency}\n"
            )
        return "".join(found).encode()

    def tail(self) -> bytes:
        return f"\n; {self._opened.count} entries\n".encode()


class Hledger:
    """https://hledger.org/hledger.html#journal; `hledger check --strict` accepts it."""

    media_type = "text/plain; charset=utf-8"
    extension = "journal"

    def __init__(self) -> None:
        self._opened = _Opened()

    def head(self, organization_id: str) -> bytes:
        return f"; {organization_id}\n".encode()

    def lines(self, postings: Iterable[JournalPosting]) -> bytes:
        found = []
        for one in postings:
            self._opened.count += 1
            amount = f"{one.amount:f}"
            sample = amount if "." in amount else f"{amount}."
            found += [f"commodity {sample} {name}\n" for name in self._opened.new(one.currency)]
            found += [
                f"account {name}" + (f"  ; code: {code}\n" if code else "\n")
                for name, code in self._opened.accounts(one.debit, one.credit)
            ]
            found.append(
                f"\n{one.day} * ({one.entry_id}) {_described(one.payee or one.department_id)} | "
                f"{_described(described(one))}\n"
                f"    {one.debit.name}  {amount} {one.currency}\n"
                f"    {one.credit.name}  {-one.amount:f} {one.currency}\n"
            )
        return "".join(found).encode()

    def tail(self) -> bytes:
        return f"\n; {self._opened.count} entries\n".encode()


class DoubleEntry:
    """A row for each side of each entry, for any program that imports CSV; the last row counts them."""

    media_type = "text/csv; charset=utf-8"
    extension = "csv"
    COLUMNS: Final = (
        "entry",
        "date",
        "account code",
        "account",
        "debit",
        "credit",
        "currency",
        "payee",
        "description",
        "department",
        "person",
        "card",
        "mcc",
        "payment",
        "log position",
    )

    def head(self, organization_id: str) -> bytes:
        return csv_of(self.COLUMNS, [])

    def lines(self, postings: Iterable[JournalPosting]) -> bytes:
        rows = []
        for one in postings:
            amount = f"{one.amount:f}"
            rows += [_side(one, one.debit, amount, ""), _side(one, one.credit, "", amount)]
        return csv_lines(rows)

    def tail(self) -> bytes:
        return b""


def _side(one: JournalPosting, account: AccountName, debit: str, credit: str) -> tuple[str, ...]:
    return (
        one.entry_id,
        one.day.isoformat(),
        account.code,
        account.name,
        debit,
        credit,
        one.currency,
        one_line(one.payee),
        one_line(described(one)),
        one.department_id,
        one_line(one.person),
        one.card_id,
        one.mcc,
        one.authorization_id,
        one.position,
    )


def described(one: JournalPosting) -> str:
    return f"{one.words}, {one.authorization_id}" if one.authorization_id else one.words


def _quoted(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"')


def _described(text: str) -> str:
    """In hledger's first line a semicolon begins a comment, and a bar ends the payee."""
    return one_line(text).replace(";", ",").replace("|", "/")


FORMATS: Final[dict[str, type[Beancount | Hledger | DoubleEntry]]] = {
    "beancount": Beancount,
    "hledger": Hledger,
    "csv": DoubleEntry,
}
