"""Feature tables of a day: built, validated, published."""
