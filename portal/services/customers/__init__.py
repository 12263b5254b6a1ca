"""Customers, and what their pages say in figures."""
