"""Scenarios: a company and its days in one file, read and played."""
