"""The event and catalogue tables as they were known at a moment."""
