"""Which columns of a file are meant, by their names and texts. Whatever is not certain carries its doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.names import folded

# What a column of each member is called, in lower case; the better name first.
NAMES: Final = {
    "row_id": (
        "transaction id", "authorization_id", "authorization id", "transaction reference", "reference", "id",
    ),
    "posted": (
        "posted", "post date", "post_date", "posting date", "posted date", "settlement date", "buchungsdatum",
        "completed at", "date completed",
    ),
    "time": (
        "event_time", "transaction date", "trans date", "trans. date", "purchase date", "date", "datum",
        "time", "timestamp", "belegdatum", "buchungstag", "fecha", "data", "created", "initiated at",
    ),
    "debit": (
        "debit", "debit amount", "paid out", "money out", "withdrawal", "withdrawal amt.", "soll",
        "belastung",
    ),
    "credit": (
        "credit", "credit amount", "paid in", "money in", "deposit", "deposit amt.", "haben", "gutschrift",
    ),
    "mcc": ("mcc", "merchant category code", "category code"),
    "merchant": (
        "merchant", "merchant name", "supplier", "vendor", "description", "payee", "händler", "empfänger",
        "narrative", "narration", "buchungstext", "beschreibung", "name",
    ),
    "card": (
        "card", "card id", "card number", "card no", "card no.", "account number", "cardholder", "karte",
    ),
    "department": (
        "department", "dept", "cost centre", "cost center", "directorate", "team", "abteilung",
        "kostenstelle",
    ),
    "organization": ("organisation", "organization", "company"),
}  # fmt: skip
#: The same of a processor's settlement file: its lines have references, and belong to no department.
SETTLEMENT_NAMES: Final = {
    "authorization": (
        "authorization_id", "authorization id", "authorization", "authorisation id", "authorisation",
        "auth id",
    ),
    "row_id": (
        "arn", "acquirer reference number", "acquirer reference", "clearing id",
        *(name for name in NAMES["row_id"] if "authorization" not in name),
    ),
    **{name: NAMES[name] for name in ("debit", "credit", "mcc", "merchant", "card")},
    "posted": ("booked", "booking date", "clearing date", "value date", *NAMES["posted"]),
    "time": ("bought", *NAMES["time"]),
}  # fmt: skip
_AMOUNT: Final = ("amount", "amt", "betrag", "bedrag", "montant", "importe", "umsatz", "value")
_CURRENCY: Final = ("currency", "ccy", "währung", "devise", "moneda", "wkz")
# What stands beside these words says which of several amounts it is; these are none that was spent.
_NOT_SPENT: Final = (
    "fee", "fees", "tax", "vat", "tip", "balance", "saldo", "cashback", "discount", "limit", "skonto", "rate",
    "date", "datum",
)  # fmt: skip
_SAME: Final = {"orig": "original", "billed": "billing", "settlement": "settled", "minor": "", "the": ""}
_CHARGED: Final = ("billing", "settled", "posted")  # what the account was charged
_FOREIGN: Final = ("original", "transaction", "merchant", "local", "foreign", "basis", "purchase")
#: Columns that say what kind of row it is, or what became of it.
_KINDS: Final = (
    "status", "state", "type", "kind", "transaction type", "trans type", "transaction status", "payment type",
    "direction", "indicator", "debit/credit", "credit/debit", "debit or credit", "dr/cr", "cr/dr", "d/c",
    "soll/haben", "soll/haben-kennzeichen", "entry type", "vorgang", "buchungsart",
)  # fmt: skip
_PURCHASES: Final = {"debit", "dr", "d", "deb", "soll", "s", "out", "purchase", "sale", "withdrawal"}
_REFUNDS: Final = {"credit", "cr", "c", "cred", "haben", "h", "in", "refund", "return", "deposit"}
#: Words for rows of which no money was spent, or that are no card's.
_LEFT_OUT: Final = re.compile(
    r"declin|denied|fail|reject|cancel|void|revert|reversed|expired|^payment$|credit card payment|autopay"
    r"|top.?up|transfer|deposit"
)
_KINDS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class KindColumn:
    """A column that says what a row is. `values`: its texts, the first seen first."""

    at: int
    values: list[str]

    @property
    def is_direction(self) -> bool:
        return {folded(value) for value in self.values} <= _PURCHASES | _REFUNDS

    @property
    def purchases(self) -> list[str]:
        return [value for value in self.values if folded(value) in _PURCHASES]

    @property
    def refunds(self) -> list[str]:
        return [value for value in self.values if folded(value) in _REFUNDS]

    @property
    def left_out(self) -> list[str]:
        """Values that say by their words that nothing was spent."""
        return [value for value in self.values if _LEFT_OUT.search(folded(value))]


def texts_of(records: Sequence[Sequence[str]], at: int | None) -> list[str]:
    """What stands in a column, where something does."""
    return [row[at].strip() for row in records if at is not None and at < len(row) and row[at].strip()]


def kinds(header: Sequence[str], records: Sequence[Sequence[str]]) -> Iterator[KindColumn]:
    """Columns whose rows are of several kinds, or of one that does not count."""
    for at, name in enumerate(header):
        if folded(name) in _KINDS:
            kind = KindColumn(at, list(dict.fromkeys(texts_of(records, at))))
            if 1 < len(kind.values) <= _KINDS_MAX or kind.left_out:
                yield kind


def by_names(
    header: Sequence[str], taken: set[int], called: Mapping[str, Sequence[str]] = NAMES
) -> dict[str, tuple[int, str]]:
    """Member -> index of its column and what is doubtful; each column once, none of `taken`. `called`: what
    a column of each member is called."""
    names = [folded(name) for name in header]
    found: dict[str, tuple[int, str]] = {}
    money = {n for n, name in enumerate(names) if _is_amount(name) or _is_like(name, _CURRENCY)}
    for exact in (True, False):
        for member, known in called.items():
            if member in found:
                continue
            used = taken | {at for at, _ in found.values()}
            if member not in ("debit", "credit"):
                used |= money
            at = _find(names, known, used, exact=exact)
            if at is not None:
                found[member] = (at, "" if exact else "by a part of its name")
    if "debit" not in found or "credit" not in found:
        found.pop("debit", None)
        found.pop("credit", None)
    free = set(range(len(names))) - taken - {at for at, _ in found.values()}
    return found | _money(header, names, free, two_columns="debit" in found)


def _money(
    header: Sequence[str], names: Sequence[str], free: set[int], *, two_columns: bool
) -> dict[str, tuple[int, str]]:
    """The amount that was charged, and the currency that belongs to it."""
    found: dict[str, tuple[int, str]] = {}
    amounts = [] if two_columns else [n for n in sorted(free) if _is_amount(names[n])]
    amount = min(amounts, key=lambda n: _rank(which_amount(header[n])), default=None)
    qualifier = ""
    if amount is not None:
        qualifier = which_amount(header[amount])
        others = ", ".join(repr(header[n]) for n in amounts if n != amount)
        found["amount"] = (amount, f"or is it {others}?" if others else "")
    currencies = [n for n in sorted(free) if _is_like(names[n], _CURRENCY)]
    own = [n for n in currencies if which_amount(header[n]) == qualifier]
    other = [n for n in currencies if which_amount(header[n]) not in _FOREIGN]
    if own or other:
        at = (own or sorted(other, key=lambda n: which_amount(header[n]) != ""))[0]
        doubt = "" if own or which_amount(header[at]) == "" else "it may be another amount's"
        found["currency"] = (at, doubt)
    return found


def which_amount(name: str) -> str:
    """What a column's name says besides "amount" or "currency": "billing" of Billing Currency."""
    words = (_SAME.get(word, word) for word in re.findall(r"[^\W_]+", folded(name)))
    return " ".join(word for word in words if word and word not in (*_AMOUNT, *_CURRENCY))


def _rank(qualifier: str) -> int:
    return 0 if qualifier in _CHARGED else 1 if not qualifier else 3 if qualifier in _FOREIGN else 2


def currency_of_another(header: Sequence[str], amount: int, currency: int) -> str | None:
    """The header's currency that seems to be that of column `amount`, where `currency` seems not to be."""
    ours = which_amount(header[amount])
    if which_amount(header[currency]) == ours:
        return None
    same = (name for name in header if _is_like(folded(name), _CURRENCY) and which_amount(name) == ours)
    return next(same, None)


def _is_amount(name: str) -> bool:
    return _is_like(name, _AMOUNT) and not _is_like(name, _CURRENCY)


def _is_like(name: str, words: Sequence[str]) -> bool:
    parts = re.findall(r"[^\W_]+", name)
    return any(word in name for word in words) and not any(part in _NOT_SPENT for part in parts)


def _find(names: Sequence[str], known: Sequence[str], taken: set[int], *, exact: bool) -> int | None:
    for one in known:
        for n, name in enumerate(names):
            if n not in taken and (name == one if exact else len(one) > 3 and one in name):
                return n
    return None
