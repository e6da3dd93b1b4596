"""What can be read off an ad's files."""
