"""Making a correction: the right terms are stored and what was charged otherwise is posted, in one transaction.

Bound to the plan that somebody has seen: where it has become another, nothing is posted and the new one is shown.
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Charge,
    Company,
    CorrectedAssignment,
    Correction,
    Customer,
    Package,
)
from portal.models.company import ONLY
from portal.models.raw_tables import CHARGE
from portal.services import locking
from portal.services.billing.positions import find_next_of
from portal.services.billing.posting import enter_charges, line_row
from portal.services.calls.effects import bundles_changed
from portal.services.chunks import in_chunks
from portal.services.copying import copy_in
from portal.services.corrections.planning import Line, Plan, assignments_of, plan
from portal.services.corrections.right_terms import as_json, store_own, store_package
from portal.services.corrections.standing import ONCE
from portal.services.corrections.wanted import Wanted, Whose, receipt
from portal.services.credit import (
    Act,
    first_due_day,
    open_new,
    payment_days,
    set_off_all,
    take_off,
    touched_by,
)
from portal.services.once import Sent, once
from portal.services.packages.catalogue import touch as touch_package
from portal.services.runs.assignment_locks import lock_assignments, touch


class Changed(RuleBroken):
    """What the correction does has changed since it was shown: it is shown again."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("What this correction does has changed since it was shown. Look at it again.")
        self.plan = plan


def post(
    wanted: Wanted, whose: Whose, *, seen: str, token: str, today: date, by: str, now: datetime
) -> Correction:
    """Store the right terms and post what was charged otherwise, once for a token. `seen` is the plan's fingerprint."""
    plans: list[Plan] = []

    def make() -> Correction:
        _lock(wanted, whose)
        made = plan(wanted, whose, today)
        if made.does_nothing:
            raise Invalid("since", already_right(made))
        if made.fingerprint != seen or not _has_locked(made):
            raise Changed(made)
        plans.append(made)
        return Correction(
            token=token,
            package_id=whose.package.id if whose.package else None,
            currency=wanted.currency,
            since=wanted.since,
            right=wanted.right,
            sentence=wanted.said,
            before=json.dumps(as_json(made.right.package[0])) if made.right.package else "",
            made_on=today,
            made_by=by,
            made_at=now,
        )

    query = select(Correction).where(Correction.token == token)
    package_id = whose.package.id if whose.package else None
    content = (wanted, package_id, whose.assignment_ids)
    correction, is_new = once(Sent("correction", token, content), query, make, receipt)
    if is_new:
        (made,) = plans
        _store(made, correction, today, now)
        _post_lines(made.lines, correction, today, by, now)
        _find_next(made, today)
    return correction


def already_right(made: Plan) -> str:
    """That there is nothing to correct, in a sentence."""
    return f"These terms already hold since {long_day(made.wanted.since)}, and nothing was charged otherwise."


# -- locks


def _lock(wanted: Wanted, whose: Whose) -> None:
    """Lock whose terms these are, what they are charged by, and where they stand."""
    locking.lock(Company, [ONLY], shared=True)  # its day is one in the provider's time zone
    if not whose.package:
        lock_assignments(whose.assignment_ids, selectinload(Assignment.position))
        return
    locking.lock(Customer, {one.customer_id for one in assignments_of(wanted, whose)})
    locking.lock(Package, [whose.package.id])
    ids = [one.id for one in assignments_of(wanted, whose)]
    locking.lock_ids(AssignmentPosition, ids)
    locking.read_anew(Assignment, ids, selectinload(Assignment.position))


def _has_locked(made: Plan) -> bool:
    """Whether all customers are locked whom it charges: somebody may just have got the package."""
    return locking.has_locked(Customer, {of.customer.id for of in made.customers})


# -- storing


def _store(made: Plan, correction: Correction, today: date, now: datetime) -> None:
    """Let the right terms hold, and keep those that held before."""
    if made.right.package:
        assert made.whose.package
        store_package(made.whose.package, made.wanted.currency, made.right.package[1])
        touch_package(made.whose.package)
    for id, (before, right) in made.right.own.items():
        told = {"prices": as_json(before.prices), "quantities": as_json(before.quantities)}
        db.session.add(
            CorrectedAssignment(
                correction=correction, assignment=made.assignments[id], before=json.dumps(told)
            )
        )
        if before != right:
            assignment = made.assignments[id]
            store_own(assignment, right)
            touch(assignment)
    db.session.flush()
    if made.wanted.quantity is not None:
        bundles_changed(made.assignments.values(), today, now)


def _post_lines(lines: Sequence[Line], correction: Correction, today: date, by: str, now: datetime) -> None:
    """Post the lines: each goes where its charge went, into the balance or to what is to be paid."""
    if not lines:
        return
    customers = {line.loaded.facts.customer_id for line in lines}
    roots = {line.root.id for line in lines if line.root}
    touched, with_credit = touched_by(roots, customers)
    locking.lock_ids(Charge, touched)
    days = payment_days(customers)
    rows = [_row(line, correction, days, today, by, now) for line in lines]
    _number_once(rows)
    copy_in(CHARGE, tuple(rows[0]), [tuple(row.values()) for row in rows])
    posted = Charge.correction_id == correction.id
    enter_charges(posted, today, now)
    open_new(posted)
    take_off(roots, today, by=by, now=now)
    set_off_all(with_credit, Act(today, by, now))


def _row(
    line: Line, correction: Correction, days: dict[int, int], today: date, by: str, now: datetime
) -> dict[str, Any]:
    due, facts = line.due, line.loaded.facts
    to_pay = not line.takes_from_balance and due.amount + due.tax > 0
    return {
        **line_row(facts, due),
        "token": None,
        "run_id": None,
        "auto_decrement_credit": line.takes_from_balance,
        "corrects_id": line.root.id if line.root else None,
        "correction_id": correction.id,
        "reverses_id": None,
        "writes_off_id": None,
        "opening_number": None,
        "due_on": first_due_day(due.charge_on, today, days[facts.customer_id]) if to_pay else None,
        "reason": "",
        "posted_by": by,
        "posted_at": now,
    }


def _number_once(rows: Sequence[dict[str, Any]]) -> None:
    """Let a setup or one-off that was posted and undone before take the next number (billing-rules 16)."""
    once = [row for row in rows if row["corrects_id"] is None and row["period_until"] is None]
    for some in in_chunks(once):
        query = (
            select(Charge.assignment_id, Charge.kind, func.max(Charge.number))
            .where(Charge.assignment_id.in_([row["assignment_id"] for row in some]), Charge.kind.in_(ONCE))
            .group_by(Charge.assignment_id, Charge.kind)
        )
        found = {(id, kind.value): number for id, kind, number in db.session.execute(query)}
        for row in some:
            if (highest := found.get((row["assignment_id"], row["kind"]))) is not None:
                row["number"] = highest + 1


def _find_next(made: Plan, today: date) -> None:
    """What falls due next may have changed; a run that has read the old terms reads again."""
    failed = {left.assignment.id for left in made.left} - set(made.right.terms)
    find_next_of([one for id, one in made.assignments.items() if id not in failed], today)
