"""Search measured against the truth of a simulated market, and its latency."""
