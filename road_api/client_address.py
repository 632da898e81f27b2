"""Who is at the other end: the address that limits count by, also behind proxies.

``X-Forwarded-For`` is written by whoever sends the request. Of it, only what proxies wrote that the settings trust is
read: from the right, up to the first address that is not one of theirs.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from litestar.connection import ASGIConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NOBODY: Final = "unknown"
"""Where there is no address, as over a Unix socket: all such callers count as one."""

IPV6_PREFIX_BITS: Final = 64
"""One subscriber has at least that many addresses to choose from."""


def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


class ClientAddress:
    """Finds the address of whoever sent a request."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        """Believe what these proxies say of whom they speak for; without any, nobody."""
        self._proxies = tuple(proxies)

    def find(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """Return the caller's address; of IPv6 the network, which is one subscriber's."""
        peer = connection.client
        if peer is None:
            return NOBODY
        address = _read(peer.host)
        if address is None:
            return peer.host
        hops = ",".join(connection.headers.getall("x-forwarded-for", [])).split(",") if self._proxies else []
        while hops and self._trusts(address):
            before = _read(hops.pop())
            if before is None:
                break  # what is no address was not written by a proxy of ours
            address = before
        return _subscriber(address)

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._proxies)


def _read(text: str) -> _Address | None:
    """Read an address, also with a port behind it; ``::ffff:192.0.2.1`` is an IPv4 one."""
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
