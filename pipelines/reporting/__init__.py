"""What verbs report: figures, pages and progress."""
