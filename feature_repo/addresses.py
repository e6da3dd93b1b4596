"""Addresses of servers that are not ours: how they are said in messages, and how long such a server is waited for."""

from __future__ import annotations

from typing import Final

SOCKET_SECONDS: Final = 1.0
"""How long Redis' answer is waited for where its address does not say `socket_timeout`."""

OPENERS: Final = {"user", "username", "password", "passwd", "sslpassword"}
"""Options of addresses that name who opens a server, and with what."""


def without_password(address: str) -> str:
    """The address without the name and the password that open it, wherever it says them."""
    scheme, between, rest = address.partition("://")
    place, question, options = rest.rpartition("@")[2].partition("?")
    kept = [option for option in options.split("&") if option.partition("=")[0].lower() not in OPENERS]
    return f"{scheme}{between}{place}{question if any(kept) else ''}{'&'.join(kept)}"
