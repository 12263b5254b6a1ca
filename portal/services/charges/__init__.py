"""Charges once they are posted: listed and explained; entered by hand and reversed."""
