"""Whether a plan holds: a machine of it, event by event, through bad hours."""
