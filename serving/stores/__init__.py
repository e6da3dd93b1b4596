"""What all stores have in common: how long they are waited for, when they are not asked any more, and the file that SQLite keeps."""
