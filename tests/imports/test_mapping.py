"""Mapping files: the shipped one, and one line for what is wrong in others."""

from __future__ import annotations

from pathlib import Path

import pytest

import infra.demo
from infra.errors import SpendlogError
from infra.imports.mapping import read_mapping
from tests.imports.exports import MAPPING

SHIPPED = Path(infra.demo.__file__).parent / "mappings" / "birmingham.toml"


def test_the_shipped_mapping_can_be_read() -> None:
    mapping = read_mapping(SHIPPED)
    assert mapping.columns.department == "department"
    assert mapping.time.zone == "Europe/London"
    assert (mapping.amount.unit, mapping.amount.refund) == ("minor", "negative")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('card = "card"\n', ""), "give columns.card or constants.card"),
        (('card = "card"', 'cart = "card"\ncard = "card"'), "unknown field `cart`"),
        (('unit = "major"', 'unit = "pounds"'), "Invalid enum value 'pounds'"),
        (
            ('zone = "Europe/London"', 'zone = "Mars/Olympus"'),
            "'Mars/Olympus' is no name of the IANA time zone",
        ),
        (('currency = "currency"\n', ""), "give columns.currency or constants.currency"),
        (('organization = "city"', 'organization = "the city"'), "constants.organization 'the city'"),
        (('organization = "city"', 'currency = "GBX"'), "'GBX' is not a currency code"),
        (('unit = "major"', 'thousands = "."'), "amount.thousands and amount.decimal are the same"),
        (("[time]", "[file]\nencoding = 'utf-9'\n[time]"), "file.encoding 'utf-9' is not known"),
        (("[time]", "[time"), "is wrong"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "mapping.toml"
    assert change[0] in MAPPING
    path.write_text(MAPPING.replace(*change))
    with pytest.raises(SpendlogError) as raised:
        read_mapping(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_mapping_is_one_line() -> None:
    with pytest.raises(SpendlogError, match="cannot be read: No such file"):
        read_mapping(Path("none.toml"))
