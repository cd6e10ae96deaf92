"""Addresses that others named and that we connect to: only public ones, and the one that was looked at.

Who may name an address could else make us ask our own database or a cloud's metadata service, by a name that leads
there, by one that leads elsewhere when it is looked up again, or by an address that holds another one.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from domain.errors import RmaError

NAT64: Final = IPv6Network("64:ff9b::/96")
"""Addresses that hold one of IPv4, in their last 32 bits, to which a gateway leads on (RFC 6052)."""
WITHIN_A_SITE: Final = (
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of one's own network (RFC 8215)
    IPv6Network("fec0::/10"),
    IPv6Network("2002::/16"),  # 6to4 and Teredo lead on to any address of IPv4
    IPv6Network("2001::/32"),
    IPv6Network("::/96"),
)


class AddressRefusedError(RmaError):
    """A name leads to an address that is not public."""

    code = "address_not_public"

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not at a public address")
        self.host = host


def is_public(address: str) -> bool:
    """Tell whether an address, as the system resolves names to it, is one that anybody on the Internet may reach."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        held = _held(found)
        if held is not None:
            return is_public(str(held))
        if any(found in network for network in WITHIN_A_SITE):
            return False
    return found.is_global and not found.is_multicast


def _held(address: IPv6Address) -> IPv4Address | None:
    """Return the address of IPv4 that packets for this one end at, where that can be told."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses of a host, to be connected to as they are, and not looked up again.

    Raises:
        AddressRefusedError: One of them is not public, and that is not allowed.
        OSError: The name leads nowhere.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
    if not allow_private and not all(map(is_public, addresses)):
        raise AddressRefusedError(host)
    return addresses
