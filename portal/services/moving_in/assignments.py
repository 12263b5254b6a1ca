"""Assignments from files (billing-rules 19): known by their reference, else by customer, package, DID and start date.

Charging goes on where the other system left off: `charge_from` is the first day that it has not charged.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal.domain.commitment import MINIMUM_DAYS_MAX, locked_until
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import AMOUNT_BELOW
from portal.domain.move_files.assignments import COLUMNS, OWN, why_left_out
from portal.domain.move_files.lines import Line
from portal.domain.names import name_key
from portal.domain.phone_numbers import international
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import day, long_day, whole
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Charge,
    Company,
    Customer,
    Did,
    FileKind,
    MoveImport,
    MoveMade,
    Package,
    counts_as_posted,
)
from portal.models.company import ONLY
from portal.services import locking
from portal.services.among import among
from portal.services.assignments.assigning import Draft, Lock, check
from portal.services.assignments.changing import (
    change_end,
    change_quantity,
    check_change_of_end,
    check_change_of_quantity,
)
from portal.services.assignments.own_prices import SETUP
from portal.services.assignments.storing import store
from portal.services.assignments.withdrawing import withdraw
from portal.services.billing.positions import has_begun
from portal.services.listing import count_rows, counted
from portal.services.moving_in.foreseeing import Foreseen, foresee
from portal.services.moving_in.kind import (
    IN_ORDER,
    At,
    Difference,
    Item,
    Kind,
    Made,
    Outcome,
    Planned,
    made_by,
)
from portal.services.moving_in.whose import Whose, named
from portal.services.packages.definition import NO_OWN, OwnPriceSet
from portal.services.runs.assignment_locks import lock_assignments

LABELS = {column.name: column.label for column in COLUMNS} | {
    "planned_quantity": "Planned Quantity",
    **OWN,
}
NOT_CHARGED = "Charge From is empty: enter the first day that the other system has not charged."
ZERO = Decimal(0)
# Of so many, the last run that has charged one of them is the one to be undone first.
LOOKED_AT = 50
# What a reference that is longer cannot be.
REFERENCE_LONGEST = 60


class Known(NamedTuple):
    """What an assignment is known by without a reference."""

    customer_id: int
    package_id: int
    did_id: int | None
    start_date: date


class Assignments(Kind):
    """A file of assignments, a line each."""

    kind = FileKind.ASSIGNMENTS
    columns = COLUMNS
    noun = "assignment"

    @classmethod
    def samples(cls) -> Sequence[Mapping[str, str]]:
        """One of two units, and one that began later."""
        (first,) = super().samples()
        other = {"reference": "SUB-1002", "quantity": "1", "start_date": "2026-06-01", "monthly": "9.99"}
        return (first, {**first, **other})

    def items(self, lines: Sequence[Line]) -> list[Item]:
        """Each line; one that says again what another one says, with the reason."""
        places: dict[object, int] = {}
        return [Item((line,), line.reason or _again(line, places)) for line in lines]

    def plan(self, items: Sequence[Item], today: date) -> list[Planned]:
        """What would become of each line."""
        whose, which, dids = Whose(items), _Packages(items), _dids(items)
        drafts: dict[int, Draft] = {}
        refused: dict[int, RuleBroken] = {}
        for item in items:
            try:
                did = _did_of(item.says, dids)
                drafts[item.place] = _draft(item, whose.of(item.says), which.of(item.says), did, today)
            except RuleBroken as error:
                refused[item.place] = error
        there = _There(drafts.values())
        planned, meant = [], dict[int, int]()
        for item in items:
            try:
                if item.place in refused:
                    raise refused[item.place]
                draft = drafts[item.place]
                first = there.of(draft)
                if first and (other := meant.setdefault(first.id, item.place)) != item.place:
                    raise RuleBroken(f"The same assignment is in line {other} too.")
                planned.append(_compared(item, draft, first, today) if first else _new(item, draft, today))
            except RuleBroken as error:
                planned.append(Planned(item, Outcome.BAD, reason=_said(error)))
        return planned

    def foresee(self, planned: Sequence[Planned], today: date) -> Foreseen:
        """The first charge of each, what they come to in a year, and who is locked until when."""
        return foresee(planned, today)

    def lock(self, items: Sequence[Item], today: date) -> None:
        """Whom, which DIDs and which packages they name. Where those stand that are changed, `make` locks."""
        locking.lock_ids(Did, [one.id for one in _dids(items).values()], shared=True)
        locking.lock_ids(Customer, Whose(items).ids)
        locking.lock_ids(Package, _Packages(items).ids, shared=True)

    def make(self, planned: Sequence[Planned], at: At) -> list[Made]:
        """The new ones together, the changed ones one by one."""
        new = [one for one in planned if one.outcome == Outcome.NEW]
        drafts = {f"moved in {at.import_id}-{one.item.place}": one.value for one in new}
        made = [
            Made(one.item.place, self.noun, id, one.label, monthly=one.item.says.get("monthly"))
            for one, id in zip(new, store(drafts, at.today, by=at.by, now=at.now), strict=True)
        ]
        changed = [one for one in planned if one.outcome == Outcome.CHANGED]
        rows = {row.id: row for row in lock_assignments([one.thing_id for one in changed if one.thing_id])}
        return made + [_change(one, rows[one.thing_id or 0], at) for one in changed]

    def why_not_take_back(self, import_: MoveImport) -> RuleBroken | None:
        """A run that has dealt with any of them is undone first."""
        dealt_with = (
            select(MoveMade.thing_id)
            .join(AssignmentPosition, AssignmentPosition.assignment_id == MoveMade.thing_id)
            .where(made_by(import_.id), MoveMade.noun == self.noun)
            .where(MoveMade.is_change.is_(False), MoveMade.taken_back_on.is_(None))
            .where(AssignmentPosition.charged_until.is_not(None))
        )
        count = count_rows(dealt_with)
        if not count:
            return None
        some = db.session.scalars(dealt_with.order_by(*IN_ORDER).limit(LOOKED_AT)).all()
        posted = select(Charge.run_id).where(
            Charge.assignment_id.in_(some), Charge.run_id.is_not(None), counts_as_posted()
        )
        run_id = db.session.scalar(posted.order_by(Charge.run_id.desc()).limit(1))
        way = WayOut("Show the run", "runs.show", {"run_id": run_id}) if run_id else None
        return RuleBroken(
            f"A run has charged {counted(count, 'assignment')} of {import_.file_name}: undo that run first.",
            way or WayOut("Show the runs", "runs.index"),
        )

    def take_back(self, made: Sequence[MoveMade], at: At) -> dict[int, str]:
        """Remove those that were made, or withdraw them; put back what was changed and stands as it came."""
        locking.lock(Company, [ONLY], shared=True)
        rows = {row.id: row for row in lock_assignments([one.thing_id for one in made], *_OPTIONS)}
        left: dict[int, str] = {}
        gone = []
        for one in made:
            row = rows.get(one.thing_id)
            if row is None or row.withdrawn_on:
                continue
            if one.is_change:
                left |= {one.id: reason} if (reason := _put_back(one, row, at)) else {}
            elif row.customer.archived_on:
                left[one.id] = "The customer is archived."
            elif row.position and row.position.charged_until:
                left[one.id] = "A run has charged it: undo that run first."
            else:
                gone.append(row)
        withdraw(gone, at.today, at.now)
        return left


_OPTIONS = (
    joinedload(Assignment.customer),
    joinedload(Assignment.position),
    selectinload(Assignment.ends),
    selectinload(Assignment.quantities),
)


def _again(line: Line, places: dict[object, int]) -> str:
    """Why a line cannot be an assignment, whatever is stored. Keeps which one it is."""
    says = line.says
    if reason := why_left_out(says):
        return reason
    if not says.get("package"):
        return "Package is empty."
    if "start_date" not in says:
        return "Start Date is empty."
    reference = says.get("reference", "")
    if not _is_kept(says.get("monthly", ZERO)):
        return f"Monthly Amount must be below {whole(AMOUNT_BELOW)}, with six decimals at most."
    if len(reference) > REFERENCE_LONGEST:
        return f"Reference is too long: {REFERENCE_LONGEST} characters at most."
    key: object = reference or (
        named(says), name_key(says["package"]), says.get("did"), says["start_date"]
    )  # fmt: skip
    if (place := places.setdefault(key, line.place)) == line.place:
        return ""
    if reference:
        return f"The same reference is in line {place} too."
    return f"The same assignment is in line {place} too: give each a reference, or one the sum of the quantities."


def _is_kept(amount: Decimal) -> bool:
    """Whether a figure of the other system can be kept as it is."""
    return abs(amount) < AMOUNT_BELOW and amount == round(amount, 6)


def _said(error: RuleBroken) -> str:
    label = LABELS.get(error.field, "") if isinstance(error, Invalid) else ""
    return f"{label}: {error.sentence}" if label else error.sentence


# -- what a line is of


class _Packages:
    """The packages that lines name: of namesakes the one on sale."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._found: dict[str, list[Package]] = defaultdict(list)
        keys = {name_key(item.says.get("package", "")) for item in items}
        query = select(Package).where(among(Package.name_key, keys)).order_by(Package.id)
        query = query.options(selectinload(Package.prices), selectinload(Package.schedules))
        for package in db.session.scalars(query.execution_options(populate_existing=True)):
            self._found[package.name_key].append(package)
        self.ids = [one.id for some in self._found.values() for one in some]

    def of(self, says: Mapping[str, Any]) -> Package:
        """The package of a line. RuleBroken where there is none, or more than one."""
        name = says["package"]
        found = self._found.get(name_key(name), [])
        found = [one for one in found if not one.archived_on] or found
        if not found:
            raise RuleBroken(f"No package is called {name}.")
        if len(found) > 1:
            raise RuleBroken(f"{whole(len(found))} packages are called {name}: rename all but one of them.")
        return found[0]


def _dids(items: Sequence[Item]) -> dict[str, Did]:
    numbers = {number for item in items if (number := item.says.get("did"))}
    if not numbers:
        return {}
    query = select(Did).where(among(Did.number, numbers)).execution_options(populate_existing=True)
    return {one.number: one for one in db.session.scalars(query)}


def _did_of(says: Mapping[str, Any], dids: Mapping[str, Did]) -> Did | None:
    number = says.get("did")
    if number and number not in dids:
        raise RuleBroken(f"{international(number)} is not there yet: add it under DIDs first.")
    return dids[number] if number else None


def _draft(item: Item, customer: Customer, package: Package, did: Did | None, today: date) -> Draft:
    """The assignment of a line. RuleBroken where the line alone says too little, or what cannot be."""
    says, wants = item.says, item.wants
    start = says["start_date"]
    own = {name: says[f"own_{name}"] for name in OWN if f"own_{name}" in says}
    charge_from = wants.get("charge_from")
    if says.get("charged_until") == start:
        # Dealt with, but no period of it: what is charged once was charged there.
        if package.recurs:
            own |= dict.fromkeys(SETUP, Decimal(0))
        else:
            charge_from = start + ONE_DAY
    later = ((begins, OwnPriceSet(**prices)) for begins, prices in says.get("planned_own", ()))
    return Draft(
        package,
        customer,
        did,
        says.get("quantity", 1),
        start,
        says.get("end_date"),
        # Of what begins later nothing was charged there.
        charge_from if charge_from and charge_from > start else None,
        says.get("minutes"),
        None,
        says.get("auto_decrement_credit", False),
        OwnPriceSet(**own) if own else NO_OWN,
        lock=_lock(says, start),
        anchor=says.get("anchor") if says.get("anchor") != start else None,
        reference=says.get("reference", ""),
        planned_quantities=tuple(says.get("planned_quantities", ())),
        planned_own=tuple(later),
    )


def _lock(says: Mapping[str, Any], start: date) -> Lock | None:
    """The lock as a line says it; None: as the package's minimum days make it."""
    days, until = says.get("minimum_days"), says.get("locked_until")
    if days is not None and not 0 <= days <= MINIMUM_DAYS_MAX:
        raise Invalid("minimum_days", f"Minimum Days must be 0 to {whole(MINIMUM_DAYS_MAX)}.")
    if until is not None and until < start:
        raise Invalid("locked_until", f"It is before the start date, {long_day(start)}.")
    if until is not None:
        return Lock((until - start).days if days is None else days, until)
    return None if days is None else Lock(days, locked_until(start, days))


class _There:
    """The assignments that are there already, of drafts."""

    def __init__(self, drafts: Iterable[Draft]) -> None:
        drafts = list(drafts)
        references = {draft.reference for draft in drafts if draft.reference}
        self._by_reference = {one.reference: one for one in _read(Assignment.reference, references)}
        rest = [draft for draft in drafts if draft.reference not in self._by_reference]
        self._by_key: dict[Known, list[Assignment]] = defaultdict(list)
        for one in _read(Assignment.id, _alike(rest)):
            self._by_key[_known(one)].append(one)

    def of(self, draft: Draft) -> Assignment | None:
        """The one that a draft is of. RuleBroken where its reference is that of another one."""
        key = _known(draft)
        if found := self._by_reference.get(draft.reference):
            if _known(found) != key:
                raise Invalid("reference", f"It is that of another assignment: {_called(found)}.")
            return found
        alike = self._by_key.get(key, [])
        if draft.reference:
            # Those that a file has brought in with another reference are others.
            alike = [one for one in alike if not one.reference]
        return alike[0] if alike else None


def _known(one: Draft | Assignment) -> Known:
    return Known(one.customer.id, one.package.id, one.did.id if one.did else None, one.start_date)


def _alike(drafts: Sequence[Draft]) -> list[int]:
    """Those of a draft's customer, package, DID and start date; what has a reference is no draft's that has another."""
    known = {_known(draft) for draft in drafts}
    unnamed = {_known(draft) for draft in drafts if not draft.reference}
    query = select(
        Assignment.id, Assignment.reference, Assignment.customer_id, Assignment.package_id, Assignment.did_id,
        Assignment.start_date,
    ).where(
        Assignment.withdrawn_on.is_(None),
        among(Assignment.customer_id, {key.customer_id for key in known}),
        among(Assignment.package_id, {key.package_id for key in known}),
        among(Assignment.start_date, {key.start_date for key in known}),
    )  # fmt: skip
    rows = db.session.execute(query) if known else ()
    return [row.id for row in rows if Known(*row[2:]) in (unnamed if row.reference else known)]


def _read(column: Any, values: Collection[Any]) -> Iterable[Assignment]:
    """Those that have one of some values in a column."""
    if not values:
        return ()
    query = select(Assignment).where(among(column, values), Assignment.withdrawn_on.is_(None))
    query = query.order_by(Assignment.id).options(
        joinedload(Assignment.customer),
        joinedload(Assignment.package),
        joinedload(Assignment.did),
        joinedload(Assignment.position),
        selectinload(Assignment.quantities),
        selectinload(Assignment.own_prices),
    )
    return db.session.scalars(query.execution_options(populate_existing=True))


def _called(one: Assignment) -> str:
    where = f" on {international(one.did.number)}" if one.did else ""
    return f"{one.package.name} for {one.customer.name}{where}, since {day(one.start_date)}"


# -- what becomes of it


def _new(item: Item, draft: Draft, today: date) -> Planned:
    if draft.start_date < today and not item.wants.get("charge_from"):
        raise RuleBroken(NOT_CHARGED)
    check(draft, moved=True)
    return Planned(item, Outcome.NEW, _label(draft), value=draft)


def _label(draft: Draft) -> str:
    where = f" on {international(draft.did.number)}" if draft.did else ""
    return f"{draft.package.name} for {draft.customer.name}{where}"


def _compared(item: Item, draft: Draft, first: Assignment, today: date) -> Planned:
    """What becomes of a line whose assignment is there. Quantity and end date can be changed by a file."""
    says, on = item.says, max(today, first.start_date)
    differs = []
    stored = first.quantity_on(on)
    if "quantity" in says and draft.quantity != stored:
        differs.append(Difference(LABELS["quantity"], whole(stored), whole(draft.quantity)))
    if "end_date" in says and draft.end_date != first.end_date:
        differs.append(Difference(LABELS["end_date"], day(first.end_date) or "none", day(draft.end_date)))
    if not differs:
        return Planned(item, Outcome.SAME, _label(draft), thing_id=first.id)
    if first.customer.archived_on:
        raise RuleBroken(f"{first.customer.name} is archived. Restore the customer first.")
    if first.has_ended_on(today):
        raise RuleBroken(f"It ended on {long_day(first.end_date or today)}: it cannot be changed any more.")
    labels = {one.label for one in differs}
    if LABELS["quantity"] in labels:
        check_change_of_quantity(first, draft.quantity, _from(first, today), today)
    if LABELS["end_date"] in labels:
        check_change_of_end(first, draft.end_date, today)
    return Planned(item, Outcome.CHANGED, _label(draft), "", tuple(differs), first.id, draft)


def _change(planned: Planned, row: Assignment, at: At) -> Made:
    """Change an assignment as a line says; what it was before is kept."""
    draft, labels = planned.value, {one.label for one in planned.differences}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if LABELS["quantity"] in labels:
        before["quantity"], after["quantity"] = row.quantity_on(max(at.today, row.start_date)), draft.quantity
        change_quantity(row, draft.quantity, _from(row, at.today), at.today)
    if LABELS["end_date"] in labels:
        before["end_date"], after["end_date"] = _iso(row.end_date), _iso(draft.end_date)
        change_end(row, draft.end_date, at.today, by=at.by, now=at.now)
    return Made(planned.item.place, "assignment", row.id, planned.label, True, before, after)


def _from(row: Assignment, today: date) -> date:
    """The first day from which another quantity can hold."""
    return today + ONE_DAY if has_begun(row) else today


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _put_back(made: MoveMade, row: Assignment, at: At) -> str:
    """Put back what an import has changed of an assignment; else why not."""
    before, after = json.loads(made.before), json.loads(made.after)
    was = before.get("end_date")
    end = date.fromisoformat(was) if was else None
    # Both or neither: what was put back by half would be taken for changed since.
    if "end_date" in before and _iso(row.end_date) != after["end_date"]:
        return "Changed since: End Date."
    if "quantity" in before and row.last_quantity != after["quantity"]:
        return "Changed since: Quantity."
    try:
        if "quantity" in before:
            check_change_of_quantity(row, before["quantity"], _from(row, at.today), at.today)
        if "end_date" in before:
            change_end(row, end, at.today, by=at.by, now=at.now)
        if "quantity" in before:
            change_quantity(row, before["quantity"], _from(row, at.today), at.today)
    except RuleBroken as error:
        return error.sentence
    return ""
