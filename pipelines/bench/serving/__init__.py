"""The engine measured against the floor of scoring alone, a naive way, its tiers and its shadows."""
