"""Names that look the same are the same: to the core and to the verifier."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.resources.authorizations.body import MerchantIn
from infra.verify.controls import plain as verifiers
from schemas.names import MERCHANT_KEY_MAX, folded, merchant_key

ALIKE = {
    "composed and not": ("CAFÉ NOIR", "CAFE\u0301 noir"),
    "order of marks": ("q\u0323\u0307", "q\u0307\u0323"),
    "a joiner between a letter and its mark": ("é", "e\u200d\u0301"),
    "full width": ("AMAZON", "ＡＭＡＺＯＮ"),
    "half-width kana": ("パチンコ", "ﾊﾟﾁﾝｺ"),
    "zero width space": ("AMAZON", "AM\u200bAZON"),
    "word joiner and byte order mark": ("AMAZON", "\ufeffAMA\u2060ZON"),
    "soft hyphen": ("AMAZON", "AMA\u00adZON"),
    "direction marks": ("AMAZON", "\u202eAMAZON\u202c\u200e"),
    "variation selectors": ("❤ Shop", "❤\ufe0f\U000e0100 Shop"),
    "grapheme joiner": ("AMAZON", "AMA\u034fZON"),
    "Hangul letters": ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
    "Hangul filler": ("한국", "한\u3164국\uffa0"),
    "sharp s": ("STRASSE", "straße"),
    "capital sharp s": ("STRAẞE", "strasse"),
    "ligature": ("OFFICE", "oﬃce"),
    "superscript": ("M2 Home", "m² home"),
    "circled": ("1", "①"),
    "final sigma": ("ΟΔΟΣ", "οδος"),
    "Roman number": ("XII", "ⅻ"),
    "trade mark": ("Shoptm", "SHOP™"),
    "spaces of all kinds": ("Bad Shop", "\u3000BAD\u00a0\u2009\u202f\t shop\u2028"),
    "blank of braille": ("AMAZON", "AMA\u2800ZON"),
    "blank of music": ("AMAZON", "AMA\U0001d159ZON"),
    "free for what is not seen": ("AMAZON", "\u2065AMA\ufff0ZON\U000e0fff"),
    "tags": ("AMAZON", "AMAZON\U000e0041\U000e007f"),
    "Arabic letter mark": ("AMAZON", "AMAZON\u061c"),
    "Kelvin and Angstrom": ("kå", "\u212a\u212b"),
    "fraction": ("1⁄2 Shop", "½ shop"),
    "squared": ("AA", "\U0001f130\uff21"),
    "iota below": ("ᾳ", "ΑΙ"),
    "dotted capital i": ("İ", "i\u0307"),
}
DIFFERENT = {
    "Cyrillic a": ("AMAZON", "АMAZON"),
    "Greek omicron": ("NOIR", "NΟIR"),
    "dotless i": ("DIYAR", "dıyar"),
    "accent": ("CAFE", "CAFÉ"),
    "a space": ("Bad Shop", "BadShop"),
    "hyphen": ("Bad-Shop", "Bad Shop"),
    "zero for o": ("AMAZON", "AMAZ0N"),
    "voiced mark": ("パ", "ハ"),
}
NOTHING = [
    "",
    " ",
    "\u200b",
    "\ufeff\u00ad",
    "\u3000\u00a0",
    "\u3164",
    "\ufe0f",
    "\u2060\u200e",
    "\u180e\u180b",
    "\u2800",
    "\u2800 \u2800",
    "\U0001d159",
    "\u2065\ufff0\ufff8",
    "\U000e0000\U000e0fff",
    "\u061c\u206a",
    "\U000e0041\U000e007f",
]
#: Text in which forms, marks and what is not seen meet often.
texts = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(
            "aAéßẞſiİıΣσςﬁ①²ｱﾊﾟ\u0301\u0323\u0345\u200b\u200d\ufe0f\u3164\u00a0 \u1100\u1161\u11a8"
            "\u2800\u2065\ufff3\ufffc\ufffd\U0001d159\U000e0000\U000e0fff\U000e1000"
        ),
    ),
    max_size=12,
)


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE.keys())
def test_what_looks_the_same_is_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other) != ""


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_other_letters_are_other_names(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@pytest.mark.parametrize("name", NOTHING)
def test_what_shows_nothing_is_no_name(name: str) -> None:
    assert folded(name) == ""
    with pytest.raises(ValidationError):
        MerchantIn(name=name)


@given(texts)
def test_core_and_verifier_agree(name: str) -> None:
    assert folded(name) == verifiers(name)


@given(texts)
def test_a_name_stays_what_it_is(name: str) -> None:
    once = folded(name)
    assert folded(once) == once
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, name)) == once


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Blue Bottle Coffee", "blue bottle coffee"),
        ("SQ *BLUE BOTTLE 0042", "blue bottle"),
        ("sq*Blue  Bottle", "blue bottle"),
        ("TST* JOE'S PIZZA #12", "joe's pizza"),
        ("PAYPAL *SPOTIFY", "spotify"),
        ("SUMUP  *Bäckerei Müller", "bäckerei müller"),
        ("AMZN Mktp US*2A3B4C5D6", "amzn mktp us"),
        ("GOOGLE *ADS1234567", "google"),
        ("GOOGLE *YouTube", "google *youtube"),
        ("7-Eleven 34021", "7-eleven"),
        ("WALMART STORE #2284", "walmart"),
        ("Studio 54", "studio 54"),
        ("REWE Filiale 1234", "rewe"),
        ("ＣＡＦＥ", "cafe"),
        ("12345", "12345"),
        ("SQ *", "sq *"),
        ("*", "*"),
        ("#1234", "#1234"),
    ],
)
def test_a_merchant_is_known_without_its_facilitator_and_bill(name: str, key: str) -> None:
    assert merchant_key(name) == key


@given(st.text(min_size=1, max_size=200))
def test_a_key_is_never_empty_nor_too_long_and_its_own_key_but_for_more_numbers(name: str) -> None:
    key = merchant_key(name)
    assert 1 <= len(key) <= MERCHANT_KEY_MAX
    assert len(merchant_key(key)) <= len(key)
    assert merchant_key(name.swapcase().swapcase()) == merchant_key(name) or not name.isascii()
