"""Every ranker beside its peers on the same rows."""
