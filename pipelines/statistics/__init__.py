"""Intervals and distances: paired differences, ratios, population stability."""
