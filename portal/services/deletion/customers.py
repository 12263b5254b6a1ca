"""Closing the account of a customer on which nothing is open, and taking them back; removing one who has nothing."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from portal.domain.errors import WayOut
from portal.domain.wording import listed, money_in, plural
from portal.extensions import db
from portal.models import (
    Assignment,
    BalanceEntry,
    Call,
    CallMove,
    Charge,
    Correction,
    Customer,
    Did,
    DidOwner,
    ImportState,
    ImportUndoCustomer,
    Invitation,
    Payment,
    PaymentBack,
    PaymentState,
    Run,
    SentSummary,
    SimulatedCharge,
)
from portal.models.user import User
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.credit import to_pay
from portal.services.customers.posted import import_at_work
from portal.services.deletion.refusals import Reason, Refusal, refuse, why_not_close

# What keeps a customer from being removed, by the column that names them: what it is called. Allocations and what is
# open stand on charges and payments. (tests/services/deletion/test_removing_customers.py holds that none is forgotten.)
HAS = {
    Assignment.customer_id: "assignments",
    Charge.customer_id: "charges",
    BalanceEntry.customer_id: "balance entries",
    Payment.customer_id: "payments",
    PaymentBack.customer_id: "payments back",
    Did.customer_id: "DIDs",
    DidOwner.customer_id: "DIDs that were theirs",
    Call.customer_id: "calls",
    CallMove.from_customer_id: "calls that were theirs",
    CallMove.to_customer_id: "calls that were theirs",
    ImportUndoCustomer.customer_id: "calls that were theirs",
    User.customer_id: "people",
    Invitation.customer_id: "invitations",
    Run.customer_id: "runs",
    SimulatedCharge.customer_id: "simulated charges",
    Correction.customer_id: "corrections",
    SentSummary.customer_id: "summaries sent",
}
IMPORTED = "Calls of {} are still being imported"


def why_not_archive_customer(customer: Customer, today: date) -> Refusal | None:
    """Why a customer may not be archived: something is not over, not paid, or not zero."""
    query = select(Assignment).where(Assignment.customer_id == customer.id)
    assigned = why_not_close(query, customer.name, today)
    reasons = _each_way_once(_open(customer))
    if assigned:
        return replace(assigned, others=reasons)
    if reasons:
        first, *others = reasons
        return Refusal(first.sentence, way_out=first.way_out, others=others)
    return None


def _each_way_once(reasons: Iterable[Reason]) -> list[Reason]:
    """The reasons, a way out that several share with the last of them."""
    found = list(reasons)
    later = [reason.way_out for reason in found[1:]]
    return [
        reason._replace(way_out=None) if reason.way_out in later[place:] else reason
        for place, reason in enumerate(found)
    ]


def _open(customer: Customer) -> Iterator[Reason]:
    """All that is open of the account besides assignments, each with what can be done about it."""
    if import_ := import_at_work(customer.id):
        what = (
            "An import of calls of {} is being undone" if import_.state == ImportState.UNDOING else IMPORTED
        )
        yield Reason(
            f"{what.format(customer.name)}: {import_.file_name}.",
            WayOut(f"See {import_.file_name}", "calls.show", {"import_id": import_.id}),
        )
    this = {"customer_id": customer.id}
    stands = to_pay(customer.id)
    if stands.charges:
        sentence = f"{customer.name} still has {money_in(stands.charges, customer.currency)} to pay."
        from_balance = WayOut("Pay from the balance", "credit.pay_from_balance", this, {"to": "archive"})
        to_open = WayOut("See what is open, to write it off", "credit.show", {**this, "_anchor": "open"})
        yield Reason(sentence, from_balance if stands.in_balance else to_open)
    if pending := _pending(customer):
        count, payment = pending
        to_it = WayOut("See the payment", "payments.show", {"payment_id": payment})
        which = "A payment" if count == 1 else plural(count, "payment")
        sentence = (
            f"{which} of {customer.name} {'is' if count == 1 else 'are'} pending: "
            f"complete or cancel {'it' if count == 1 else 'them'} first."
        )
        all_pending = WayOut(
            "See these payments", "payments.index", {"customer": customer.id, "state": "pending"}
        )
        yield Reason(sentence, to_it if count == 1 else all_pending)
    if stands.balance:
        amount = money_in(stands.balance, customer.currency)
        pay_back = WayOut(f"Pay {amount} back", "payments_back.new", {**this, "archive": 1})
        adjust = WayOut("Adjust the balance", "credit.new_adjustment", this)
        sentence = f"The balance of {customer.name} is {amount}, not zero."
        yield Reason(sentence, pay_back if stands.in_balance else adjust)


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
    refuse(why_not_archive_customer(customer, today))
    customer.archived_on = customer.archived_on or today


def archive_if_possible(customer: Customer, today: date) -> bool:
    """Close an account after what was just done about it, if nothing is open any more; whether it is closed."""
    if why_not_archive_customer(customer, today):
        return False
    archive_customer(customer, today)
    return True


def restore_customer(customer: Customer) -> None:
    """Take an archived customer back."""
    locking.lock(Customer, [customer.id])
    customer.archived_on = None


def why_not_remove_customers(ids: Collection[int]) -> dict[int, str]:
    """Of customers those who cannot be removed, and why: something else names them."""
    has: dict[int, list[str]] = {}
    for column, what in HAS.items():
        for some in in_chunks(sorted(ids)):
            for id in db.session.scalars(select(column).where(column.in_(some)).distinct()):
                if id is not None and what not in has.setdefault(id, []):
                    has[id].append(what)
    return {id: f"There are {listed(what)}." for id, what in has.items()}


def remove_customers(ids: Collection[int]) -> dict[int, str]:
    """Remove customers who have nothing but what was written down of them; by id, why others stay."""
    there = locking.lock_ids(Customer, ids)
    stay = why_not_remove_customers(there)
    parts = (Customer.tax_rates, Customer.account_codes, Customer.contacts)
    for some in in_chunks([id for id in there if id not in stay]):
        query = select(Customer).where(Customer.id.in_(some)).options(*map(selectinload, parts))
        for customer in db.session.scalars(query.execution_options(populate_existing=True)):
            db.session.delete(customer)
    db.session.flush()
    return stay
