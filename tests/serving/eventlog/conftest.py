"""The stores under test."""

from tests.serving.stores import decided, eventlog, happened, ledger, noon

__all__ = ["decided", "eventlog", "happened", "ledger", "noon"]
