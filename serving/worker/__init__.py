"""One serving process: the engine, what it reloads, bills, answers and counts."""
