"""Benchmarks: figures as JSON, peers and floors measured in the same run."""
