"""A seeded market with known truth: it emits what production would log, and keeps apart what only a simulator can know."""
