"""The framework: the order of the stages, their contracts, time, errors and accounting."""
