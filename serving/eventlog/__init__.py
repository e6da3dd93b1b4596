"""Decisions and events as served: SQLite, Redis, or memory."""
