"""How good a bundle is on rows it has never seen, beside the baseline and, on a simulated log, the truth."""
