"""What a rule refuses of a file is a bad line: it stops nothing else, and no import stands still for it."""

from decimal import Decimal

import pytest

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import FileKind, ImportState, Payment, PaymentState
from portal.services import credit
from portal.services.moving_in import accepting, making, planning, undoing
from portal.services.moving_in.kind import Outcome
from portal.services.moving_in.payments import Payments
from tests.services.moving_in import moving
from tests.services.moving_in.moving import NOW, counts, taken_back
from tests.services.moving_in.test_moving_assignments import HEAD, acme, moved, reasons, the_one
from tests.trade import TODAY, a_customer

pytestmark = pytest.mark.usefixtures("session")
__all__ = ["acme"]

FIRST = "S-1,Acme,SIP Trunk,,2,2026-11-15,2026-12-01"
PAYMENTS = "Customer,Account Code,Date,Amount,Method,Bank Reference,State,Description"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f"{FIRST},2026-11-25",
            "End Date: Not before 14 December 2026: it is locked until 15 December 2026.",
        ),
        (
            "S-1,Acme,SIP Trunk,,1,2026-11-15,2026-12-01,",
            "Quantity: While it is locked, until 15 December 2026, the quantity can be increased but not reduced.",
        ),
    ],
)
def test_a_change_that_the_lock_forbids_is_a_bad_line_on_the_check_page_already(acme, line, said):
    moved(FIRST)
    other = "S-2,Acme,SIP Trunk,,1,2026-11-16,2026-12-01,"
    import_ = moved(line, other, head=f"{HEAD},End Date", takes_changes=True)
    assert (import_.state, counts(import_), reasons(import_)) == (ImportState.DONE, (1, 0, 0, 0, 1), [said])


def test_a_change_is_put_back_whole_or_not_at_all(acme):
    moved("S-1,Acme,SIP Trunk,,2,2026-11-15,2026-12-01")
    import_ = moved(
        "S-1,Acme,SIP Trunk,,3,2026-11-15,2026-12-01,2027-03-31", head=f"{HEAD},End Date", takes_changes=True
    )
    # While it is locked, three units cannot become two again.
    taken_back(import_)
    one = the_one()
    assert (one.last_quantity, one.end_date.isoformat()) == (3, "2027-03-31")


def test_a_payment_named_by_name_and_by_code_is_not_made_twice_and_not_lost_in_silence(acme):
    lines = ("Acme,,2026-11-01,10.00,Cash,,,Till", ",A-1,2026-11-01,10.00,Cash,,,Till")
    import_ = moving.moved(FileKind.PAYMENTS, "\n".join((PAYMENTS, *lines)) + "\n")
    assert (import_.state, counts(import_)) == (ImportState.DONE, (1, 0, 0, 0, 1))
    assert reasons(import_) == ["It is as the payment in line 2: name the customer in both in the same way."]


def test_a_pending_payment_of_somebody_archived_is_a_bad_line(acme):
    line = "Acme,,2026-11-01,10.00,,R-1,{},"
    moving.moved(FileKind.PAYMENTS, f"{PAYMENTS}\n{line.format('pending')}\n")
    acme.archived_on = TODAY
    db.session.commit()
    text = f"{PAYMENTS}\n{line.format('completed')}\n"
    import_ = moving.moved(FileKind.PAYMENTS, text, takes_changes=True)
    assert counts(import_) == (0, 0, 0, 0, 1)
    assert reasons(import_) == ["Acme is archived. Restore the customer first."]


def test_what_no_plan_has_seen_is_refused_by_itself_and_the_others_are_made(acme):
    lines = ("Acme,,2026-11-01,10.00,Cash,,,one", "Acme,,2026-11-01,11.00,Cash,,,two")
    import_ = moving.begun(moving.sent(FileKind.PAYMENTS, "\n".join((PAYMENTS, *lines)) + "\n"))
    kind = Payments()
    found = planning.planned(kind, planning.items_of(import_, kind), TODAY)
    kind.lock([one.item for one in found], TODAY)
    found[1].value.fields["paid_on"] = TODAY + ONE_DAY
    made, bad = making._made(kind, found, making.At(import_.id, "ben", TODAY, NOW))
    assert [one.place for one in made] == [2]
    assert [(one.item.place, one.outcome) for one in bad] == [(3, Outcome.BAD)]
    assert [row.description for row in db.session.scalars(db.select(Payment))] == ["one"]


def test_what_was_looked_at_is_not_made_once_something_else_is_said_of_all_lines(acme):
    import_ = moving.sent(
        FileKind.ASSIGNMENTS, "Reference,Customer,Package,Start Date\nS-1,Acme,SIP Trunk,2026-01-01\n"
    )
    accepting.say_of_all(import_, {"charge_from": "2026-12-01"})
    seen = planning.plan(import_, TODAY).fingerprint()
    accepting.say_of_all(import_, {"charge_from": "2026-11-01"})
    db.session.commit()
    with pytest.raises(making.MovedMeanwhile):
        making.begin(import_, takes_changes=False, good_only=False, today=TODAY, now=NOW, expected=seen)


def test_a_payment_of_which_a_part_was_split_off_is_left_and_named(acme):
    line = "Acme,,2026-11-01,10.00,,R-1,,"
    import_ = moving.moved(FileKind.PAYMENTS, f"{PAYMENTS}\n{line}\n")
    whole, globex = db.session.scalars(db.select(Payment)).one(), a_customer("Globex")
    credit.split(whole, globex, Decimal(4), description="", token="part", today=TODAY, by="ben", now=NOW)
    db.session.commit()
    taken_back(import_)
    assert [one.left for one in undoing.left_things(import_)] == [
        "A part of it was split off for another customer: cancel it and the part by hand."
    ]
    assert whole.state == PaymentState.COMPLETED


def test_figures_that_cannot_be_kept_are_bad_lines(acme):
    import_ = moved(
        "S-1,Acme,SIP Trunk,2026-01-01,2026-12-01,9999999999,", "S-2,Acme,SIP Trunk,2026-01-02,2026-12-01,,9e9",
        "S-3,Acme,SIP Trunk,2026-01-02,2026-12-01,,99999999999",
        "S-4,Acme,SIP Trunk,2026-01-02,2026-12-01,,19.9799999997",
        head="Reference,Customer,Package,Start Date,Charge From,Minimum Days,Monthly Amount",
    )  # fmt: skip
    monthly = "Monthly Amount must be below 1,000,000,000, with six decimals at most."
    assert reasons(import_) == [
        "Minimum Days: Minimum Days must be 0 to 3,650.",
        "Monthly Amount is 9e9: enter a number such as 1234.50.",
        monthly,
        monthly,
    ]


def test_nobody_and_nothing_is_archived_on_a_day_to_come(session):
    customers = moving.moved(FileKind.CUSTOMERS, "Name,Currency,Archived\nAcme,GBP,2099-01-01\n")
    packages = moving.moved(
        FileKind.PACKAGES, "Name,Currency,Retail,Frequency,Archived\nPorting,GBP,9,once,2099-01-01\n"
    )
    assert counts(customers) == counts(packages) == (0, 0, 0, 0, 1)
    assert reasons(customers) == [
        "Archived: It lies ahead: enter the day since which they are out of use, or nothing."
    ]


def test_a_code_that_nobody_has_means_no_namesake_who_has_another_one(acme):
    a_customer("Globex")
    db.session.commit()
    lines = ("Acme,A-2,2026-11-01,10.00,,R-1,,", "Globex,G-1,2026-11-01,10.00,,R-2,,")
    import_ = moving.moved(FileKind.PAYMENTS, "\n".join((PAYMENTS, *lines)) + "\n")
    assert counts(import_) == (1, 0, 0, 0, 1)
    assert reasons(import_) == [
        "No customer has the account code A-2: Acme has A-1. Add the code to the customer who is meant."
    ]
