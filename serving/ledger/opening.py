"""Opens the ledger of spend and frequency caps that the settings name, and says whether its server keeps what it is told."""

from __future__ import annotations

from serving.ledger.ledger import Ledger
from serving.ledger.redis import RedisLedger
from serving.ledger.sqlite import SqliteLedger
from serving.settings import Settings
from serving.stores.redis_server import forgets, refuse_forgetful


def open_ledger(settings: Settings) -> Ledger:
    """SQLite in the state folder, or Redis when clustered."""
    if settings.profile == "cluster":
        return RedisLedger(settings.stores.redis_url)
    return SqliteLedger(settings.home.state / "ledger.db")


def open_durable_ledger(settings: Settings) -> Ledger:
    """The same, to write money into. Raises ServingError for a server that would lose it, or that does not answer, unless the settings
    say that it may."""
    if settings.profile == "cluster" and not settings.stores.redis_may_forget:
        refuse_forgetful(settings.stores.redis_url)
    return open_ledger(settings)


def forgetful(settings: Settings) -> str:
    """Why the ledger would lose what it acknowledges; "" where it would not, or may. Raises what the store raises."""
    if settings.profile != "cluster" or settings.stores.redis_may_forget:
        return ""
    return forgets(settings.stores.redis_url)
