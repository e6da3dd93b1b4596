"""The online engine: from a request to priced, explained ads and a decision record."""
