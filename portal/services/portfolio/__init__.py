"""A portfolio of any size, as a provider has it after three years: customers, DIDs and assignments by the million.

What is there is told one thing at a time (who.py), the same each time, and written straight into the tables
(writing.py): as the services would have written it, in a small part of the time. history.py lets days pass, with real
runs; it commits each of them.
"""

from portal.services.portfolio.filling import fill
from portal.services.portfolio.history import live
from portal.services.portfolio.writing import largest, why_not_write, write

__all__ = ["fill", "largest", "live", "why_not_write", "write"]
