"""Who may reach the API: loopback without a token, anyone else with one."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from serving.errors import ServingError
from serving.settings import Settings


def secret(settings: Settings) -> str:
    """The token; an empty one is none."""
    return settings.http.token.get_secret_value().strip() if settings.http.token is not None else ""


def is_loopback(host: str) -> bool:
    """Whether an address is only reachable from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


LEAST: Final = 32
"""Characters of a token, or of a key that signs, below which it can be guessed."""


def refuse_open_bind(settings: Settings) -> None:
    """Raises ServingError when the API would be reachable from outside without a token, or with one that can be guessed."""
    token = secret(settings)
    for key in settings.http.event_keys:
        if len(key.get_secret_value()) < LEAST:
            raise ServingError("event_keys", "a key of fewer characters", f"Each needs {LEAST} or more.")
    if is_loopback(settings.http.host):
        return
    if not token:
        raise ServingError("host", settings.http.host, "Set PLACARD_TOKEN to bind anything but loopback.")
    if len(token) < LEAST:
        raise ServingError("token", f"{len(token)} characters", f"Anything but loopback needs {LEAST} or more in PLACARD_TOKEN.")


def authorised(settings: Settings, header: str) -> bool:
    """Whether an Authorization header carries the token; the comparison takes the same time wherever it differs."""
    token = secret(settings)
    scheme, _, given = header.partition(" ")
    return not token or (scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()))
