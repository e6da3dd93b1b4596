"""Processes that the platform starts, and the state of an installation."""
