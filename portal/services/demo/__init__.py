"""The demo company: Lumen Voice, with half a year behind it.

Nothing here writes a charge: packages, customers, DIDs and assignments go through the services that the pages
ask, and every charge is posted by a real run, one for each day.
"""

from portal.services.demo.loading import is_loaded, let_in, load, why_not_load

__all__ = ["is_loaded", "let_in", "load", "why_not_load"]
