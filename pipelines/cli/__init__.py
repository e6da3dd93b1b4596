"""One file a verb of the `placard` command."""
