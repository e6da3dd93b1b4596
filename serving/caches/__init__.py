"""Tiered caches of what serving reads from stores: in the process, in Redis, in a region's Redis; and what of them may still be used."""
