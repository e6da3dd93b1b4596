"""What deep rankers are made of. Every module here but parts.py imports torch: families import them when they train."""
