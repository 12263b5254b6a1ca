"""Bank statements: files imported, and what becomes of their lines."""
