"""The address of the client, also behind proxies; the log-in limit counts by it.

Any sender can write ``X-Forwarded-For``, so only entries that trusted proxies added are read: from the right, up to the
first address that is not a trusted proxy.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from litestar.connection import ASGIConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN_ADDRESS: Final = "unknown"
"""Stands for clients without an address, as over a Unix socket; they all count as one."""

IPV6_PREFIX_BITS: Final = 64
"""One subscriber owns at least a /64 network, so its addresses count as one."""


def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


class ClientAddress:
    """Finds the address of the client that sent a request."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        """Trust ``X-Forwarded-For`` from these proxies; by default from none."""
        self._proxies = tuple(proxies)

    def find(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """Return the client's address; for IPv6 its /64 network."""
        peer = connection.client
        if peer is None:
            return UNKNOWN_ADDRESS
        address = _read(peer.host)
        if address is None:
            return peer.host
        hops = ",".join(connection.headers.getall("x-forwarded-for", [])).split(",") if self._proxies else []
        while hops and self._trusts(address):
            before = _read(hops.pop())
            if before is None:
                break  # no trusted proxy writes anything but addresses
            address = before
        return _subscriber(address)

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._proxies)


def _read(text: str) -> _Address | None:
    """Parse an address with or without a port; ``::ffff:192.0.2.1`` is taken as IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _subscriber(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((int(address), IPV6_PREFIX_BITS), strict=False))
