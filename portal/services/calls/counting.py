"""Which calls count: not those of a file of which lines are still to come (billing-rules 9).

Balances, and what free minutes cover, say what they said before it until all of it is in. It is asked once for all
that is worked out in one transaction, so that a file that is in by then does not count for a part of it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true

from portal.extensions import db
from portal.models import CallImport


def imports_to_come() -> list[int]:
    """The imports of which lines are still to come."""
    return list(db.session.scalars(select(CallImport.id).where(CallImport.has_lines_to_come())))


def counts(import_id: Any, to_come: Sequence[int]) -> ColumnElement[bool]:
    """Whether a call counts, by the column that says with which import it came in."""
    return or_(import_id.is_(None), import_id.not_in(to_come)) if to_come else true()
