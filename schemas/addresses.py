"""Which Internet addresses a stranger's URL may lead to: public ones, and nothing of our own network.

A URL that a tenant gives is asked for by our servers, which reach what he cannot: databases, the cloud's
metadata service, other tenants. So an address is judged, not a name, and every way to write one address in
another is undone first.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IpAddress = IPv4Address | IPv6Address

# IANA's special-purpose registries (RFC 6890 and later), written out: Python's own `is_global` has changed
# its mind between versions.
_NOT_PUBLIC: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a carrier"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "for documentation"),
    ("192.31.196.0/24", "reserved"),
    ("192.52.193.0/24", "reserved"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "for benchmarks"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("100::/64", "discarded"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "for documentation"),
    ("2620:4f:8000::/48", "reserved"),
    ("3fff::/20", "for documentation"),
    ("5f00::/16", "reserved"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
_NETWORKS: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ip_network(network), words) for network, words in _NOT_PUBLIC
)
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
# Addresses of version 6 that carry one of version 4: in which bits, counted from the right.
_CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::/96"), 0),  # compatible, and (below) the unspecified one and loopback
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")


def not_public(address: str) -> str | None:
    """Why `address`, as a resolver writes it, is not for strangers' URLs: in two words; None: it is public.

    Raises:
        ValueError: it is no address.
    """
    plain, _, zone = address.partition("%")
    if zone:
        return "link-local"
    return _fault(ip_address(plain))


def _fault(address: IpAddress) -> str | None:
    for network, words in _NETWORKS:
        if address.version == network.version and address in network:
            return words
    if isinstance(address, IPv4Address):
        return None
    for carrier, shift in _CARRIERS:
        if address in carrier:
            return _fault(IPv4Address(int(address) >> shift & 0xFFFFFFFF))
    if address in _LOCAL_NAT64:
        return "private"
    # All that is assigned to the public today; the rest of the space is nobody's.
    return None if address in _GLOBAL_UNICAST else "reserved"
