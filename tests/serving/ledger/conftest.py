"""The stores under test."""

from tests.serving.every_store import decided, eventlog, happened, ledger, noon

__all__ = ["decided", "eventlog", "happened", "ledger", "noon"]
