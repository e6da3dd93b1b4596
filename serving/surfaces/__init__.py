"""A literal list of components per surface."""
