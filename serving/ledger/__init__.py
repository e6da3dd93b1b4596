"""Spend and frequency counts: SQLite, Redis, or memory."""
