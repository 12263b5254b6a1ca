"""What may be deleted, ended, released or archived, and what to do instead (billing-rules 7).

For every noun two functions: `why_not_*` answers the button, `delete_*` (or its sibling) asks the same
question again and acts. A refusal carries everything a page shows: the rule, what stands in the way, the
first day on which it will be possible, what falls due until then, and the way out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, exists, func, or_, select

from portal.domain.commitment import earliest_last_day
from portal.domain.errors import CannotDelete, WayOut
from portal.domain.schedule import ONE_DAY, in_words
from portal.domain.wording import money
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Call,
    CallCover,
    CallImport,
    Charge,
    Customer,
    Did,
    ImportState,
    Package,
    Payment,
    PaymentState,
)
from portal.services import locking
from portal.services.assignments.changing import change_end
from portal.services.assignments.ending import over_each
from portal.services.assignments.holding import hold_one
from portal.services.billing.failures import Failed
from portal.services.billing.planning import PlannedCharge, Totals, totals
from portal.services.credit import balance_of, owed_by
from portal.services.dids import whose
from portal.services.dids.numbers import international

# A refusal names this many of the assignments in the way, and counts the rest.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a sentence, the assignments in the way, from when, what falls due until then, and the way out.

    `failed` are those of which it cannot be worked out what falls due.
    """

    sentence: str
    blocking: Sequence[Assignment] = ()
    blocking_count: int = 0
    possible_on: date | None = None
    falls_due: Sequence[PlannedCharge] = ()
    way_out: WayOut | None = None
    failed: Sequence[Failed] = ()

    @property
    def totals(self) -> dict[str, Totals]:
        """What falls due until then, for each currency."""
        return totals(self.falls_due)


class Refused(CannotDelete):
    """The refusal, raised."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.sentence, refusal.way_out)
        self.refusal = refusal


def _refuse(refusal: Refusal | None) -> None:
    if refusal:
        raise Refused(refusal)


# -- assignments


def is_removable(assignment: Assignment, today: date) -> bool:
    """Whether it can vanish: not started, or started today with nothing posted and no minute used."""
    if assignment.start_date < today or _has_charges(Charge.assignment_id == assignment.id):
        return False
    return not db.session.scalar(select(exists().where(CallCover.assignment_id == assignment.id)))


def why_not_delete_assignment(assignment: Assignment, today: date) -> Refusal | None:
    """Why an assignment may not be removed or ended today."""
    if is_removable(assignment, today) or assignment.has_ended_on(today):
        return None
    earliest = earliest_last_day(assignment.locked_until, assignment.start_date)
    if today >= earliest:
        return None
    lock = assignment.locked_until
    (over,) = over_each({assignment.id: earliest}, today)
    failed = [over] if isinstance(over, Failed) else []
    falls_due = [] if isinstance(over, Failed) else over.charges
    if lock is None:
        sentence = f"A charge was posted on it before its start on {in_words(assignment.start_date)}."
    else:
        sentence = (
            f"Locked until {in_words(lock)} ({assignment.minimum_days} days from {in_words(assignment.start_date)}). "
            f"Its last day can be {in_words(earliest)}."
        )
    if assignment.end_date == earliest:
        return Refusal(sentence, [assignment], 1, earliest, falls_due, failed=failed)
    return Refusal(
        sentence,
        [assignment],
        1,
        earliest,
        falls_due,
        WayOut(
            f"End it on {in_words(earliest)} instead",
            "assignments.end",
            {"assignment_id": assignment.id},
            {"end_date": earliest.isoformat(), "version": assignment.version},
        ),
        failed,
    )


def delete_assignment(
    assignment: Assignment, today: date, *, by: str, now: datetime, override_reason: str = ""
) -> bool:
    """Remove an assignment that has not started, or make today the last day of one that has.

    True if it was removed. One that has ended stays as it is.
    """
    hold_one(assignment.id)
    if is_removable(assignment, today):
        db.session.delete(assignment)
        db.session.flush()
        return True
    if not assignment.has_ended_on(today):
        if not override_reason:
            _refuse(why_not_delete_assignment(assignment, today))
        change_end(assignment, today, today, by=by, now=now, override_reason=override_reason)
    return False


# -- packages


def why_not_delete_package(package: Package) -> Refusal | None:
    """Why a package may not be deleted: it was ever assigned."""
    query = select(Assignment).where(Assignment.package_id == package.id)
    blocking, count = _blocking(query)
    if not count:
        return None
    times = "once" if count == 1 else f"{count:,} times"
    way_out = WayOut(
        "Archive it instead", "packages.archive", {"package_id": package.id}, {"version": package.version}
    )
    return Refusal(
        f"{package.name} was assigned {times}, so its charges must stay explained. "
        "Archived, it is off sale; who has it keeps it.",
        blocking,
        count,
        way_out=None if package.archived_on else way_out,
    )


def delete_package(package: Package) -> None:
    """Remove a package that was never assigned."""
    locking.lock(Package, [package.id])
    _refuse(why_not_delete_package(package))
    db.session.delete(package)
    db.session.flush()


def archive_package(package: Package, today: date) -> None:
    """Take a package off sale; who has it keeps it and is charged."""
    locking.lock(Package, [package.id])
    package.archived_on = package.archived_on or today


def restore_package(package: Package) -> None:
    """Put an archived package back on sale."""
    locking.lock(Package, [package.id])
    package.archived_on = None


# -- DIDs


def why_not_release_did(did: Did, today: date) -> Refusal | None:
    """Why a DID may not go back to stock: an assignment on it has not ended, or has something still due."""
    return _why_not_close(
        select(Assignment).where(Assignment.did_id == did.id), international(did.number), today
    )


def release_did(did: Did, today: date) -> None:
    """Put a DID back to stock."""
    locking.lock(Did, [did.id])
    _refuse(why_not_release_did(did, today))
    before = did.customer_id
    did.customer = None
    whose.keep_moves({did: before}, today)


def why_not_delete_did(did: Did, today: date) -> Refusal | None:
    """Why a DID may not be deleted: it is with a customer."""
    if did.customer_id is None:
        return None
    release = why_not_release_did(did, today)
    if release:
        return release
    whose = did.customer.name if did.customer else "a customer"
    return Refusal(
        f"{international(did.number)} is with {whose}. Only a DID in stock is deleted.",
        way_out=WayOut("Take it back to stock", "dids.release", {"did_id": did.id}, {"version": did.version}),
    )


def delete_did(did: Did, today: date) -> bool:
    """Remove a DID in stock; archive it if anything was ever posted on it. True if it was removed."""
    locking.lock(Did, [did.id])
    _refuse(why_not_delete_did(did, today))
    assigned = db.session.scalar(select(Assignment.id).where(Assignment.did_id == did.id).limit(1))
    called = db.session.scalar(select(Call.id).where(Call.did_id == did.id).limit(1))
    if assigned or called:
        did.archived_on = did.archived_on or today
        return False
    db.session.delete(did)
    db.session.flush()
    return True


# -- customers


def why_not_archive_customer(customer: Customer, today: date) -> Refusal | None:
    """Why a customer may not be archived: something is not over, not paid, or not zero."""
    query = select(Assignment).where(Assignment.customer_id == customer.id)
    if refusal := _why_not_close(query, customer.name, today):
        return refusal
    if import_ := _unfinished_import(customer):
        return Refusal(
            f"Calls of {customer.name} are still being taken in: {import_.file_name}.",
            way_out=WayOut(f"See {import_.file_name}", "calls.show", {"import_id": import_.id}),
        )
    to_credit = WayOut("See payments and balance", "credit.show", {"customer_id": customer.id})
    owed = owed_by(customer.id)
    if owed:
        sentence = f"{customer.name} is to pay {money(owed, customer.currency)} {customer.currency}."
        return Refusal(sentence, way_out=to_credit)
    if pending := _pending(customer):
        count, payment = pending
        to_it = WayOut("See the payment", "payments.show", {"payment_id": payment})
        which = "A payment" if count == 1 else f"{count:,} payments"
        sentence = (
            f"{which} of {customer.name} {'is' if count == 1 else 'are'} pending: complete or cancel first."
        )
        return Refusal(sentence, way_out=to_it if count == 1 else to_credit)
    balance = balance_of(customer.id)
    if balance:
        stands = f"{money(balance, customer.currency)} {customer.currency}"
        return Refusal(f"The balance of {customer.name} is {stands}, not zero.", way_out=to_credit)
    return None


def _unfinished_import(customer: Customer) -> CallImport | None:
    """An import that has taken calls of theirs in and has not worked out yet what they cost."""
    theirs = exists().where(Call.import_id == CallImport.id, Call.customer_id == customer.id)
    unfinished = CallImport.state.in_((ImportState.RUNNING, ImportState.STOPPED))
    return db.session.scalars(select(CallImport).where(unfinished, theirs).limit(1)).first()


def _pending(customer: Customer) -> tuple[int, int] | None:
    """How many payments of a customer are pending, and the first of them."""
    query = select(func.count(Payment.id), func.min(Payment.id)).where(
        Payment.customer_id == customer.id, Payment.state == PaymentState.PENDING
    )
    count, first = db.session.execute(query).one()
    return (count, first) if count else None


def archive_customer(customer: Customer, today: date) -> None:
    """Close an account on which nothing is open."""
    locking.lock(Customer, [customer.id])
    _refuse(why_not_archive_customer(customer, today))
    customer.archived_on = customer.archived_on or today


def restore_customer(customer: Customer) -> None:
    """Take an archived customer back."""
    locking.lock(Customer, [customer.id])
    customer.archived_on = None


# -- what they share


def _has_charges(which: object) -> bool:
    return db.session.scalar(select(Charge.id).where(which).limit(1)) is not None  # type: ignore[arg-type]


def _blocking(query: Select[Assignment]) -> tuple[list[Assignment], int]:
    count = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    return list(db.session.scalars(query.order_by(Assignment.id).limit(NAMED))) if count else [], count


def _why_not_close(query: Select[Assignment], name: str, today: date) -> Refusal | None:
    """Why a DID or customer with these assignments cannot be closed: one has not ended or has something due."""
    open_ones = query.outerjoin(AssignmentPosition).where(
        or_(
            Assignment.end_date.is_(None),
            Assignment.end_date >= today,
            AssignmentPosition.assignment_id.is_(None),
            AssignmentPosition.next_charge_on.is_not(None),
        )
    )
    blocking, count = _blocking(open_ones)
    if not count:
        return None
    possible_on, falls_due, failed = _until_all_are_over(open_ones, today)
    names = ", ".join(_name(assignment, today) for assignment in blocking[:3])
    more = f" and {count - 3:,} more" if count > 3 else ""
    when = f"The first day on which it is possible is {in_words(possible_on)}."
    if possible_on == today:
        when = "It is possible today, as soon as what stands in the way is removed or posted."
    return Refusal(
        f"{name} still has {names}{more}. {when}",
        blocking,
        count,
        possible_on,
        falls_due,
        _way_to_end(blocking[0], today) if count == 1 else None,
        failed,
    )


def _until_all_are_over(
    query: Select[Assignment], today: date
) -> tuple[date, list[PlannedCharge], list[Failed]]:
    """The first day on which nothing of any of these assignments is open, and what falls due until then.

    Each ends as early as it may, or when it is to end already; what can be removed falls due no more. Of those
    that cannot be worked out only the last day is known.
    """
    last_days = {
        assignment.id: _last_day(assignment, today)
        for assignment in db.session.scalars(query)
        if not is_removable(assignment, today)
    }
    possible_on, falls_due, failed = today, [], []
    for over in over_each(last_days, today):
        if isinstance(over, Failed):
            failed.append(over)
            possible_on = max(possible_on, last_days[over.assignment_id] + ONE_DAY)
        else:
            possible_on = max(possible_on, over.on)
            falls_due.extend(over.charges)
    return possible_on, falls_due, failed


def _way_to_end(assignment: Assignment, today: date) -> WayOut | None:
    """What lets the one assignment in the way end as early as it may; None where its end date is set already."""
    this, name = {"assignment_id": assignment.id}, assignment.package.name
    if is_removable(assignment, today):
        return WayOut(f"Remove {name}", "assignments.delete", this, {"version": assignment.version})
    if assignment.end_date:
        due_on = assignment.position.next_charge_on if assignment.position else None
        if due_on and due_on <= today and assignment.has_ended_on(today):
            return WayOut("Post what is due", "runs.new", {"customer_id": assignment.customer_id})
        return None
    last_day = _last_day(assignment, today)
    fields = {"end_date": last_day.isoformat(), "version": assignment.version}
    return WayOut(f"End {name} on {in_words(last_day)}", "assignments.end", this, fields)


def _last_day(assignment: Assignment, today: date) -> date:
    """The earliest day that can be an assignment's last one, or is it already."""
    return assignment.end_date or max(
        earliest_last_day(assignment.locked_until, assignment.start_date), today
    )


def _name(assignment: Assignment, today: date) -> str:
    if assignment.has_ended_on(today):
        return f"{assignment.package.name} (ended, with charges still to be posted)"
    if assignment.end_date:
        return f"{assignment.package.name} (until {in_words(assignment.end_date)})"
    if is_removable(assignment, today):
        return f"{assignment.package.name} (from {in_words(assignment.start_date)})"
    if assignment.is_locked_on(today) and assignment.locked_until:
        return f"{assignment.package.name} (locked until {in_words(assignment.locked_until)})"
    return assignment.package.name


__all__ = [
    "Refusal",
    "Refused",
    "archive_customer",
    "archive_package",
    "delete_assignment",
    "delete_did",
    "delete_package",
    "release_did",
    "restore_customer",
    "restore_package",
    "why_not_archive_customer",
    "why_not_delete_assignment",
    "why_not_delete_did",
    "why_not_delete_package",
    "why_not_release_did",
]
