"""Training sets: matured labels joined to the features that were known when each ad was shown."""
