"""Learns the words that people search with: the language model and the text encoder, as of a day."""
