"""Building features measured against hand-written SQL, and the event log's speed."""
