"""Assignments moved in from files: charging goes on where the other system left off, once, and can be taken back."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal.domain.due import Kind
from portal.domain.errors import RuleBroken
from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.extensions import db
from portal.models import Assignment, Charge, FileKind, ImportState, MoveImport, MoveLine, Run
from portal.services.customers import account_codes
from portal.services.moving_in import lists, making
from portal.services.runs import runs, undoing
from tests.services.moving_in import moving
from tests.services.moving_in.moving import NOW, clock, counts, taken_back
from tests.trade import BEN, TODAY, a_customer, a_did, a_package

pytestmark = pytest.mark.usefixtures("session")

HEAD = "Reference,Customer,Package,DID,Quantity,Start Date,Charge From"


def moved(*lines: str, head: str = HEAD, **more: Any) -> MoveImport:
    return moving.moved(FileKind.ASSIGNMENTS, "\n".join((head, *lines)) + "\n", **more)


def reasons(import_: MoveImport) -> list[str]:
    query = select(MoveLine.sentence).where(MoveLine.import_id == import_.id, MoveLine.sentence != "")
    return list(db.session.scalars(query.order_by(MoveLine.place)))


def the_one() -> Assignment:
    return db.session.scalars(select(Assignment)).one()


def run(day: date = TODAY) -> int:
    made = runs.start(day, simulate=False, today=day, by=BEN, now=NOW)
    db.session.commit()
    runs.carry_out(made.id, day, clock)
    db.session.expire_all()
    return made.id


def charged() -> list[tuple[Kind, date, Decimal]]:
    query = select(Charge.kind, Charge.charge_on, Charge.amount).order_by(Charge.charge_on, Charge.id)
    return [tuple(row) for row in db.session.execute(query)]


@pytest.fixture
def acme() -> Any:
    acme = a_customer("Acme")
    account_codes.give(acme, ["A-1"])
    a_package("SIP Trunk", "20", setup_retail="50", match=(1,), minimum_days=30)
    db.session.commit()
    return acme


def test_charging_goes_on_from_the_first_day_that_was_not_charged_and_setup_is_not_charged_again(acme):
    import_ = moved("S-1,Acme,SIP Trunk,,2,2025-03-15,2026-12-01")
    assert (import_.state, counts(import_)) == (ImportState.DONE, (1, 0, 0, 0, 0))
    run(date(2026, 12, 31))
    assert charged() == [(Kind.RECURRING, date(2026, 12, 1), 40)]
    one = the_one()
    assert (one.reference, one.locked_until) == ("S-1", date(2025, 4, 14))


def test_the_customer_is_found_by_code_name_and_number(acme):
    head = "Customer,Account Code,Package,Start Date,Charge From"
    lines = ("Whoever,a-1", "ACME,", f"#{acme.id},", "Nobody,", "Nobody,N-1")
    import_ = moved(
        *(f"{whose},SIP Trunk,2026-1-{day},2026-12-01" for day, whose in enumerate(lines, 1)), head=head
    )
    assert counts(import_) == (3, 0, 0, 0, 2)
    assert reasons(import_) == ["No customer is called Nobody.", "No customer has the account code N-1."]


def test_the_same_file_again_changes_nothing_with_references_and_without(acme):
    a_did(acme, "+442079460123")
    db.session.commit()
    lines = (
        "S-1,Acme,SIP Trunk,,2,2025-03-15,2026-12-01", "S-2,Acme,SIP Trunk,,1,2025-03-15,2026-12-01",
        ",Acme,SIP Trunk,+44 20 7946 0123,1,2025-03-15,2026-12-01", ",Acme,SIP Trunk,,1,2026-03-15,2026-12-01",
    )  # fmt: skip
    assert counts(moved(*lines)) == (4, 0, 0, 0, 0)
    assert counts(moved(*lines)) == (0, 0, 4, 0, 0)
    assert counts(moved(*reversed(lines))) == (0, 0, 4, 0, 0)


def test_what_a_line_lacks_is_said_and_the_first_day_not_charged_may_be_said_for_all(acme):
    import_ = moved(
        "S-1,Acme,SIP Trunk,,1,2025-03-15,", "S-1,Acme,SIP Trunk,,1,2025-03-15,2026-12-01",
        "S-3,Acme,Trunk,,1,2025-03-15,2026-12-01", "S-4,Acme,SIP Trunk,442079460999,1,2025-03-15,2026-12-01",
        ",Acme,SIP Trunk,,0,2025-03-16,2026-12-01", ",Acme,,,1,2025-03-16,", ",,SIP Trunk,,1,2027-01-01,",
        "S-8,Acme,SIP Trunk,,1,2027-01-01,",
    )  # fmt: skip
    assert counts(import_) == (1, 0, 0, 0, 7)
    assert reasons(import_) == [
        "Charge From is empty: enter the first day that the other system has not charged.",
        "The same reference is in line 2 too.",
        "No package is called Trunk.",
        "+44 20 7946 0999 is not there yet: add it under DIDs first.",
        "Quantity: Quantity must be 1 to 100,000.",
        "Package is empty.",
        "This line does not say whose it is.",
    ]


def test_a_line_that_has_ended_there_is_left_out_unless_it_says_when(acme):
    head = "Customer,Package,Start Date,Charge From,Status,End Date"
    import_ = moved(
        "Acme,SIP Trunk,2025-03-15,2026-12-01,Terminated,",
        "Acme,SIP Trunk,2025-03-16,2026-12-01,canceled,2026-12-31",
        head=head,
    )
    assert counts(import_) == (1, 0, 0, 0, 1)
    assert reasons(import_)[0].startswith("Its state is Terminated and it has no end date.")


def test_own_prices_planned_terms_anchor_and_lock_come_with_it(acme):
    a_package("Support", "120", frequency=Frequency.YEARLY, match=(), proration=Proration.DAILY)
    db.session.commit()
    head = (
        "Customer,Package,Start Date,Charge From,Own Retail,Anchor,Minimum Days,Locked Until,Planned Quantity,"
        "Planned Own Prices"
    )
    moved(
        'Acme,Support,2024-03-15,2027-02-03,100,2024-02-03,30,2027-06-01,"2028-01-01; 3",'
        '"2029-01-01; Retail 90\n2030-01-01;"',
        head=head,
    )
    one = the_one()
    assert (one.minimum_days, one.locked_until, one.anchor) == (30, date(2027, 6, 1), date(2024, 2, 3))
    for year in (2027, 2028, 2029, 2030):
        run(date(year, 2, 3))
    assert [(on.year, on.month, on.day, amount) for _, on, amount in charged()] == [
        (2027, 2, 3, 100), (2028, 2, 3, 300), (2029, 2, 3, 270), (2030, 2, 3, 360),
    ]  # fmt: skip


def test_a_changed_quantity_or_end_is_taken_only_if_asked_and_put_back(acme):
    moved("S-1,Acme,SIP Trunk,,2,2025-03-15,2026-12-01")
    head = HEAD + ",End Date"
    line = "S-1,Acme,SIP Trunk,,3,2025-03-15,2026-12-01,2027-01-31"
    assert counts(moved(line, head=head)) == (0, 0, 0, 1, 0)
    import_ = moved(line, head=head, takes_changes=True)
    assert counts(import_) == (0, 1, 0, 0, 0)
    assert (the_one().quantity_on(TODAY), the_one().end_date) == (3, date(2027, 1, 31))
    taken_back(import_)
    assert (the_one().quantity_on(TODAY), the_one().end_date) == (2, None)


def test_a_reference_of_another_assignment_is_bad(acme):
    moved("S-1,Acme,SIP Trunk,,2,2025-03-15,2026-12-01")
    import_ = moved("S-1,Acme,SIP Trunk,,2,2025-03-16,2026-12-01")
    assert reasons(import_) == [
        "Reference: It is that of another assignment: SIP Trunk for Acme, since 15 Mar 2025."
    ]


def test_taken_back_they_are_gone_until_a_run_has_charged_any_then_that_run_first(acme, session):
    lines = ("S-1,Acme,SIP Trunk,,1,2025-03-15,2026-11-01", "S-2,Acme,SIP Trunk,,1,2025-03-15,2026-12-01")
    assert taken_back(moved(*lines)).state == ImportState.UNDONE
    assert session.scalars(select(Assignment)).all() == []
    import_ = moved(*lines)
    run_id = run()
    with pytest.raises(
        RuleBroken, match=r"A run has charged 1 assignment of a file\.csv: undo that run first"
    ) as no:
        taken_back(import_)
    assert no.value.way_out and no.value.way_out.values == {"run_id": run_id}
    session.rollback()
    undo = undoing.start_undoing(db.session.get_one(Run, run_id), "Too early", by=BEN, now=NOW)
    session.commit()
    undoing.carry_out_undoing(undo.id, TODAY, clock)
    assert taken_back(import_).state == ImportState.UNDONE
    assert [(one.withdrawn_on, one.reference) for one in session.scalars(select(Assignment))] == [
        (TODAY, None)
    ]
    assert counts(moved(*lines)) == (2, 0, 0, 0, 0)


def test_killed_after_any_chunk_it_goes_on_and_makes_each_once(acme, session):
    lines = [f"S-{number},Acme,SIP Trunk,,1,2025-03-15,2026-12-01" for number in range(5)]
    import_ = moving.begun(moving.sent(FileKind.ASSIGNMENTS, "\n".join((HEAD, *lines))))
    for _ in range(5):
        making.carry_out(import_.id, TODAY, clock, size=1, is_asked_to_stop=lambda: True)
    import_ = making.carry_out(import_.id, TODAY, clock, size=1)
    assert (import_.state, counts(import_)) == (ImportState.DONE, (5, 0, 0, 0, 0))


def test_the_files_to_begin_with_go_in_one_after_the_other(session):
    for kind in (
        FileKind.CUSTOMERS,
        FileKind.PACKAGES,
        FileKind.ASSIGNMENTS,
        FileKind.OPENING,
        FileKind.PAYMENTS,
    ):
        import_ = moving.moved(kind, "".join(lists.sample(kind)), name=f"{kind.value}.csv")
        assert (import_.state, reasons(import_), import_.made_count > 1) == (ImportState.DONE, [], True), kind
