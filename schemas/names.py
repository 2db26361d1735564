"""When two names of merchants are the same, and what is no name at all."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain

# What is not seen but is no format character (Cf): variation selectors, fillers, joiners, blanks, and what
# Unicode keeps free for more of them (Default_Ignorable_Code_Point).
_UNSEEN = frozenset(
    chain(
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0, 0x1D159),
        range(0x180B, 0x1810),
        range(0xFE00, 0xFE10),
        range(0xFFF0, 0xFFF9),
        range(0xE0000, 0xE1000),
    )
)

# Who takes payments for shops puts a mark before their names.
_FACILITATOR = re.compile(r"^(?:sqc?|gosq|tst|toast|paypal|pypl|pp|sp|zettle_?|iz|sumup|klarna|fs|bt) ?\* ?")
# A shop's number, a reference of the payment: what tells one branch or one bill of a merchant from another.
_REFERENCE = re.compile(r"(?: (?:store|shop|no\.?|nr\.?|filiale))?(?: #?| ?#)[0-9]{3,}$| ?#[0-9]+$")
_BILL = re.compile(r" ?\* ?(?=[a-z0-9-]*[0-9])[a-z0-9-]{4,}$")
MERCHANT_KEY_MAX = 200


@lru_cache(maxsize=8192)
def folded(name: str) -> str:
    """A merchant's name as it looks: equal for names that differ in what nobody sees. "" is no name.

    NFKC, without case, unseen characters and runs of spaces (docs/decisions/0016). Letters of other scripts
    that look alike stay different.
    """
    if name.isascii():
        return " ".join(name.lower().split())
    compatible = unicodedata.normalize("NFKC", "".join(filter(_is_seen, name)))
    # Folding may take apart what NFKC had put together, or the reverse: once more.
    return " ".join(unicodedata.normalize("NFKC", compatible.casefold()).split())


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) != "Cf" and ord(character) not in _UNSEEN


@lru_cache(maxsize=65_536)
def merchant_key(name: str) -> str:
    """A merchant's name as lists and searches know it: `SQ *BLUE BOTTLE 0042` is `blue bottle`.

    Folded, without the mark of a payment facilitator before it and the number of a branch or bill after it.
    No rule of a policy looks at it: there a name is the whole name. Never "", at most MERCHANT_KEY_MAX long.
    """
    whole = folded(name)
    short = _FACILITATOR.sub("", whole)
    short = _REFERENCE.sub("", _BILL.sub("", short)).strip(" -*#")
    return (short or whole or name)[:MERCHANT_KEY_MAX]
