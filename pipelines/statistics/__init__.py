"""Intervals and distances: the bootstrap, exact intervals of counts, population stability."""
