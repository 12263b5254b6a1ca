"""Whether anything was posted for a customer: the one answer for every rule that asks (billing-rules 6 and 13)."""

from sqlalchemy import exists, or_, select

from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    BalanceEntry,
    Call,
    CallChange,
    CallImport,
    Charge,
    EntrySource,
    ImportState,
    ImportUndo,
    ImportUndoCustomer,
    Payment,
    PaymentState,
    counts_as_posted,
)


def has_postings(customer_id: int) -> bool:
    """Whether anything was posted for a customer.

    A charge is that was not undone, a call entry, a call that is going to be one, a payment that is not cancelled,
    and a period that was dealt with although it came to nothing. An opening item is not: it bears no tax.
    """
    dealt_with = (
        exists()
        .where(Assignment.customer_id == customer_id)
        .where(AssignmentPosition.assignment_id == Assignment.id)
        .where(AssignmentPosition.charged_until.is_not(None))
    )
    posted = or_(
        exists()
        .where(Charge.customer_id == customer_id, Charge.writes_off_id.is_(None))
        .where(Charge.opening_number.is_(None), counts_as_posted()),
        exists().where(BalanceEntry.customer_id == customer_id, BalanceEntry.source == EntrySource.CALLS),
        exists().where(Payment.customer_id == customer_id, Payment.state != PaymentState.CANCELLED),
        dealt_with,
    )
    return bool(db.session.scalar(select(posted))) or import_at_work(customer_id) is not None


def import_at_work(customer_id: int) -> CallImport | None:
    """An import that has taken calls of theirs in, back or away, and has not worked out yet what that comes to."""
    theirs = exists().where(Call.import_id == CallImport.id, Call.customer_id == customer_id)
    changed = CallChange.import_id == CallImport.id
    to_be = exists().where(changed, CallChange.customer_id == customer_id)
    to_leave = exists().where(changed, CallChange.call_id == Call.id, Call.customer_id == customer_id)
    taken_back = (
        exists()
        .where(ImportUndo.import_id == CallImport.id, ImportUndoCustomer.undo_id == ImportUndo.id)
        .where(ImportUndoCustomer.customer_id == customer_id, ImportUndoCustomer.is_settled.is_(False))
    )
    being_undone = CallImport.state == ImportState.UNDOING
    query = select(CallImport).where(
        or_(CallImport.is_at_work() & or_(theirs, to_be, to_leave), being_undone & or_(theirs, taken_back))
    )
    return db.session.scalars(query.order_by(CallImport.id).limit(1)).first()
