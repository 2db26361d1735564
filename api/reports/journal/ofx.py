"""OFX 2.2: what the cards owe, as a statement of a credit card in each currency."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, Final

from ofxtools import models as _models
from ofxtools.header import make_header

from api.reports.journal.formats import described
from api.reports.journal.postings import JournalPosting, one_line

models: Any = _models  # made at run time, without types
MEDIA_TYPE: Final = "application/x-ofx"
#: It is one tree, built whole: 20,000 entries take 60 MB and 2 s. More is asked for by shorter times.
ENTRIES_MAX: Final = 20_000
_ACCOUNT_LENGTH: Final = 22
_NAME_LENGTH: Final = 32
_OK: Final = {"code": 0, "severity": "INFO"}


def ofx_of(
    organization_id: str, postings: Sequence[JournalPosting], owed: Mapping[str, Decimal], until: datetime
) -> bytes:
    """`postings`: those that change what is owed for cards; `owed`: all of it at `until`, by currency."""
    statements = [
        models.CCSTMTTRNRS(
            trnuid="0",
            status=models.STATUS(**_OK),
            ccstmtrs=_statement(organization_id, currency, postings, amount, until),
        )
        for currency, amount in sorted(owed.items())
    ]
    signed_on = models.SIGNONMSGSRSV1(
        sonrs=models.SONRS(status=models.STATUS(**_OK), dtserver=until, language="ENG")
    )
    whole = models.OFX(
        signonmsgsrsv1=signed_on,
        creditcardmsgsrsv1=models.CREDITCARDMSGSRSV1(*statements) if statements else None,
    )
    text = ElementTree.tostring(whole.to_etree(), encoding="unicode")
    return (str(make_header(version=220)) + text).encode()


def _statement(
    organization_id: str, currency: str, postings: Sequence[JournalPosting], owed: Decimal, until: datetime
) -> Any:
    own = [one for one in postings if one.currency == currency]
    days = [_noon(one) for one in own]
    return models.CCSTMTRS(
        curdef=currency,
        ccacctfrom=models.CCACCTFROM(acctid=organization_id[:_ACCOUNT_LENGTH]),
        banktranlist=models.BANKTRANLIST(
            *(_transaction(one) for one in own),
            dtstart=min(days, default=until),
            dtend=max(days, default=until),
        ),
        ledgerbal=models.LEDGERBAL(balamt=-owed, dtasof=until),
    )


def _transaction(one: JournalPosting) -> Any:
    name = one_line(one.payee or one.words)
    return models.STMTTRN(
        trntype="DEBIT" if one.owes > 0 else "CREDIT",
        dtposted=_noon(one),
        trnamt=-one.amount * one.owes,
        fitid=one.entry_id,
        name=name[:_NAME_LENGTH],
        memo=described(one)[:255],
    )


def _noon(one: JournalPosting) -> datetime:
    """Of its day, so that it is that day in every time zone."""
    return datetime.combine(one.day, time(12), UTC)
