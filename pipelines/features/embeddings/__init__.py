"""Learned retrieval: users and ads as vectors whose product says how likely a click is."""
