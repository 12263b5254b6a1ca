"""Giving packages to customers and DIDs: assigning, changing and ending, one or many."""
