"""How texts are read: spelling, names, categories, vectors, keyword insertion."""
