# SPDX-License-Identifier: Apache-2.0
"""Which names a server answers to: the wall against DNS rebinding, where a stranger's name leads to this machine."""

from __future__ import annotations

import ipaddress
import re

__all__ = ["allows", "is_loopback"]

_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:@/\s]+))(?::(?P<port>[0-9]{1,5}))?")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("127.0.0.1.evil.com")
    (True, True, True, False)
    """
    if name == "localhost":
        return True
    address = _address(name)
    return address is not None and _plain_loopback(address)


def allows(header: str, bound: str) -> bool:
    """Whether a Host header names this server, bound to the host `bound`.

    Loopback addresses and `localhost` always do, and `bound` itself does. A server on all addresses answers to any
    address in digits: rebinding needs a name.
    """
    match = _HOST.fullmatch(header)
    if match is None or int(match["port"] or 0) > 65535:
        return False
    name = match["name"] or match["six"]
    if (match["six"] is None) == (":" in name):
        return False
    if is_loopback(name) or name == bound:
        return True
    everywhere = _address(bound)
    return everywhere is not None and everywhere.is_unspecified and _is_elsewhere(_address(name))


def _address(name: str) -> _Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_elsewhere(address: _Address | None) -> bool:
    return address is not None and not address.is_unspecified


def _plain_loopback(address: _Address) -> bool:
    # Python's answer for ::ffff:127.0.0.1 differs between versions, and no browser writes it.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
