"""Addresses of servers that are not ours: how they are said in messages, and how long such a server is waited for."""

from __future__ import annotations

from typing import Final

SOCKET_SECONDS: Final = 1.0
"""How long Redis' answer is waited for where its address does not say `socket_timeout`."""


def without_password(address: str) -> str:
    """The address without the name and the password that open it."""
    scheme, between, rest = address.partition("://")
    return f"{scheme}{between}{rest.rpartition('@')[2]}"
