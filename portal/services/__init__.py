"""Whatever touches more than one table. Knows no HTTP, reads no clock, does not commit."""
