"""Training sets of a known law."""

from tests.pipelines.training_sets import family, good, noise, outcome, relay, say, settings

__all__ = ["family", "good", "noise", "outcome", "relay", "say", "settings"]
