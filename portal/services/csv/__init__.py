"""CSV: files read as people have them, and lists written."""
