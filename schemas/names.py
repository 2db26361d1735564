"""When two names of merchants are the same, and what is no name at all."""

from __future__ import annotations

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
