"""Components that score candidates."""
