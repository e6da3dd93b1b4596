"""Rules: a candidate that one of them rejects is not shown."""
