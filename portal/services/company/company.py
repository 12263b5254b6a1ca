"""The provider itself: one row, there from the first migration on."""

from portal.extensions import db
from portal.models.company import Company

ONLY = 1


def company() -> Company | None:
    """The company, read once a session; None in a database that holds nothing yet."""
    return db.session.get(Company, ONLY)
