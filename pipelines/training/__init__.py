"""From a training set to a candidate bundle."""
