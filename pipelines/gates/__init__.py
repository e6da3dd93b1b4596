"""What must hold before a version is promoted and while it serves, as data."""
