"""Bundles that score the same decisions unheard, off the response path."""
