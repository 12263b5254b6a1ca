"""CSV: lists written."""
