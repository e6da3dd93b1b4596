"""Signed event tokens: who holds one may tell of one ad on one page, and of nothing else.

A token names the decision, the creative, the price and the moment until which it is good, and carries an HMAC-SHA256 (RFC 2104) over
them. The first key signs; all of them verify, so that a key can be replaced while tokens of the one before are about.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from feature_repo.whole_file import write_once
from serving.errors import ServingError
from serving.settings import Settings

MOST: Final = 1_024
"""Characters of a token beyond which it is not looked at."""
KEY_FILE: Final = "event.key"
AS_PARTS: Final = msgspec.json.Decoder(tuple[str, str, int, int])


@dataclass(frozen=True, slots=True)
class Told:
    """What a token stands for. price_micros: 0 for an ad without a price; until: seconds since 1970."""

    decision_id: str
    creative_id: str
    price_micros: int
    until: int


class Signer:
    """Makes and reads tokens. keys: the one that signs first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def of(cls, settings: Settings) -> Signer:
        """With the keys of the settings, or with one of the state folder's own, which all workers of a machine share."""
        given = [key.get_secret_value().encode() for key in settings.http.event_keys]
        return cls(given or [own_key(settings.home.state / KEY_FILE)])

    def token(self, told: Told) -> str:
        """Characters that can stand in an address as they are."""
        payload = _text(msgspec.json.encode((told.decision_id, told.creative_id, told.price_micros, told.until)))
        return f"{payload}.{_text(_mac(self._keys[0], payload))}"

    def read(self, token: str, now: datetime) -> Told:
        """What the token stands for. Raises ServingError for one that nobody here signed, or that is no longer good."""
        payload, _, mac = token[: MOST + 1].partition(".")
        known = len(token) <= MOST and any(hmac.compare_digest(_text(_mac(key, payload)).encode(), mac.encode()) for key in self._keys)
        if not known:
            raise ServingError("token", token[:40], "It is not one that this server signed; send the token of an answer as it is.")
        told = Told(*AS_PARTS.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
        if told.until < now.timestamp():
            until = datetime.fromtimestamp(told.until, UTC).isoformat()
            raise ServingError("token", token[:40], f"It was good until {until}.")
        return told


def _mac(key: bytes, payload: str) -> bytes:
    return hmac.new(key, payload.encode("utf-8", "replace"), hashlib.sha256).digest()


def _text(some: bytes) -> str:
    return base64.urlsafe_b64encode(some).rstrip(b"=").decode()


def own_key(path: Path) -> bytes:
    """The key in a file that only its owner may read; made when there is none. Of several processes that come at once, all get one."""
    if not path.exists():
        write_once(path, secrets.token_hex(32))
    return path.read_bytes()
