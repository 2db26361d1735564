"""Where a stranger's URL may lead: every way to write an address of our own network is seen through."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import not_public
from schemas.outbound import url_fault
from schemas.webhooks import TYPES, unknown_types, wants

REFUSED = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "0.0.0.0": "this network",
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "169.254.169.254": "link-local",  # the metadata service of most clouds
    "100.64.0.1": "shared by a carrier",
    "100.100.100.200": "shared by a carrier",  # the metadata service of another
    "100.127.255.255": "shared by a carrier",
    "192.0.0.192": "reserved",  # and of a third
    "192.0.2.1": "for documentation",
    "198.51.100.7": "for documentation",
    "203.0.113.9": "for documentation",
    "198.18.0.1": "for benchmarks",
    "198.19.255.255": "for benchmarks",
    "192.88.99.1": "reserved",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "0:0:0:0:0:0:0:1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "::ffff:10.0.0.1": "private",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:100.64.0.1": "shared by a carrier",
    "::127.0.0.1": "loopback",
    "::ffff:0:127.0.0.1": "loopback",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b:1::a00:1": "private",
    "2002:7f00:1::": "loopback",
    "2002:c0a8:101::1": "private",
    "2001:0:53aa:64c::1": "reserved",  # Teredo
    "2001:db8::1": "for documentation",
    "3fff::1": "for documentation",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "febf::1": "link-local",
    "fec0::1": "private",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "100::1": "discarded",
    "5f00::1": "reserved",
    "4000::1": "reserved",
}
LET_IN = (
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "9.255.255.255", "11.0.0.1", "126.255.255.255", "128.0.0.1",
    "100.63.255.255", "100.128.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.1", "192.167.255.255",
    "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
)  # fmt: skip


@pytest.mark.parametrize(("address", "words"), REFUSED.items())
def test_an_address_of_our_own_network_is_seen_through(address: str, words: str) -> None:
    assert not_public(address) == words


@pytest.mark.parametrize("address", LET_IN)
def test_a_public_address_is_let_in(address: str) -> None:
    assert not_public(address) is None


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_never_let_in_however_it_is_carried(
    address: ipaddress.IPv4Address,
) -> None:
    inner = not_public(str(address))
    if not address.is_global or address.is_multicast:
        assert inner is not None
    for carrier in ("::ffff:{:x}:{:x}", "::{:x}:{:x}", "64:ff9b::{:x}:{:x}", "2002:{:x}:{:x}::7"):
        text = carrier.format(int(address) >> 16, int(address) & 0xFFFF)
        outer = not_public(text)
        assert outer == inner or (outer in ("unspecified", "loopback") and int(address) < 2)


@given(st.ip_addresses(v=6))
def test_version_6_is_not_let_in_where_python_does_not(address: ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        carried = address.ipv4_mapped or address.sixtofour
        assert not_public(str(address)) is not None or (carried is not None and carried.is_global)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "https://",
        "https:///path",
        "hooks.example.com",
        "https://user:pw@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:port/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://api.localhost/",
        "https://db.internal/",
        "https://printer.local/",
        "https://router.lan/",
        "https://intranet/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://host name.example.com/",
        "https://hooks.example.com/\n",
        "https://bücher.example/",
        "https://-bad.example.com/",
        "https://" + "a" * 2_000 + ".example.com/",
        "",
    ],
)
def test_a_url_that_is_no_endpoints_is_refused_with_a_reason(url: str) -> None:
    assert url_fault(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/",
        "https://hooks.example.com",
        "https://hooks.example.com:443/a?b=c",
        "https://hooks.example.com:8443/%20",
        "https://xn--bcher-kva.example/",
        "https://93.184.215.14/hook",
        "https://[2606:4700::1111]/hook",
    ],
)
def test_a_public_https_url_is_taken(url: str) -> None:
    assert url_fault(url) is None


def test_the_development_switch_lets_http_and_loopback_in() -> None:
    assert url_fault("http://127.0.0.1:8000/hook", local=True) is None
    assert url_fault("http://localhost:8000/hook", local=True) is None
    assert url_fault("ftp://localhost/", local=True)
    assert url_fault("http://user:pw@localhost/", local=True)


def test_patterns_name_types_groups_or_everything() -> None:
    assert unknown_types(["card.*", "clearing.posted", "card", "*", "cards.*", "clearing.post"]) == [
        "card", "*", "cards.*", "clearing.post",
    ]  # fmt: skip
    assert all(wants([], one) for one in TYPES)
    assert wants(["card.*"], "card.frozen") and not wants(["card.*"], "budget.changed")
    assert wants(["budget.changed"], "budget.changed") and not wants(["budget.changed"], "budget.removed")
