"""Opens the ledger of spend and frequency caps that the settings name."""

from __future__ import annotations

from serving.ledger.ledger import Ledger
from serving.ledger.redis import RedisLedger
from serving.ledger.sqlite import SqliteLedger
from serving.settings import Settings


def open_ledger(settings: Settings) -> Ledger:
    """SQLite in the state folder, or Redis when clustered."""
    if settings.profile == "cluster":
        return RedisLedger(settings.stores.redis_url)
    return SqliteLedger(settings.home.state / "ledger.db")
