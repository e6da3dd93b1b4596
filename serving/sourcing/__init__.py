"""Components that name candidates."""
