"""Who sent a request: addresses as the connection shows them, or as a trusted proxy tells. Values only, no I/O.

Anybody may write ``X-Forwarded-For``, so it is believed only as far as trusted proxies wrote it: from the right, the
first address that is no such proxy's is the client's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from qa.config import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> Address | None:
    """The address that ``text`` names, an IPv4 one also when it is written as IPv6; None when it is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_within(text: str, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has the address."""
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


def is_loopback(text: str) -> bool:
    """Whether the address is this machine's own, as seen from itself."""
    address = parse_address(text)
    return address is not None and address.is_loopback


def client_address(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Who asks: ``peer``, or when that is a trusted proxy the one it speaks for.

    Args:
        peer: the address at the other end of the connection.
        forwarded: values of the ``X-Forwarded-For`` headers, in their order.
        proxies: networks of the trusted proxies.
    """
    chain = [part.strip() for value in forwarded for part in value.split(",")]
    while is_within(peer, proxies) and chain:
        before = parse_address(chain.pop())
        if before is None:
            break
        peer = str(before)
    return peer


def network_of(text: str) -> str:
    """What counts as one visitor: an IPv4 address, or the /64 of an IPv6 one, which a single home has whole."""
    address = parse_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return text if address is None else str(address)
