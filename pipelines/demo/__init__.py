"""The demo: the whole loop on simulated logs."""
