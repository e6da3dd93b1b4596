"""Components that keep the most promising candidates."""
