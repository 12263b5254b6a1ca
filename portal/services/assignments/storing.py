"""Very many new assignments stored at once: as rows, since objects would take more than twice as long."""

from collections.abc import Mapping
from datetime import date, datetime
from types import SimpleNamespace

from sqlalchemy import insert

from portal.domain.terms import PackageType
from portal.extensions import db
from portal.models import Assignment, AssignmentEnd, AssignmentPosition, AssignmentPrice, AssignmentQuantity
from portal.services import locking
from portal.services.assignments.assigning import Draft, parts_of, values_of
from portal.services.audit.recording import tell_added
from portal.services.audit.watched import WATCHED
from portal.services.calls.effects import bundles_changed

PARTS = AssignmentQuantity, AssignmentEnd, AssignmentPrice, AssignmentPosition


def store(drafts: Mapping[str, Draft], today: date, *, by: str, now: datetime) -> list[int]:
    """Store drafts that were checked under their locks, by their tokens: the ids, in the order of the drafts."""
    if not drafts:
        return []
    values = [values_of(draft, token=token, by=by, now=now) for token, draft in drafts.items()]
    query = insert(Assignment.__table__).returning(Assignment.id, sort_by_parameter_order=True)
    ids = list(db.session.connection().scalars(query, values))
    rows = [
        SimpleNamespace(
            id=id, **of, package=draft.package, customer=draft.customer, did=draft.did, withdrawn_on=None,
            override_reason="",
        )
        for id, of, draft in zip(ids, values, drafts.values(), strict=True)
    ]  # fmt: skip
    tell_added(Assignment, rows)
    parts = list(map(parts_of, drafts.values()))
    for model in PARTS:
        if of := [(row, part) for row, some in zip(rows, parts, strict=True) for part in some[model]]:
            db.session.connection().execute(
                insert(model.__table__), [{"assignment_id": row.id, **part} for row, part in of]
            )
        if model in WATCHED:
            tell_added(
                model, [SimpleNamespace(assignment=row, assignment_id=row.id, **part) for row, part in of]
            )
    bundles = [row.id for row in rows if row.package.type == PackageType.FREE_MINUTES]
    bundles_changed(locking.read_anew(Assignment, bundles), today, now)
    return ids
