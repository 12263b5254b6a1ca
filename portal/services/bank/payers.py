"""What is known of those whom lines can speak of, for many lines with the same few questions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, func, literal_column, or_, select

from portal.domain.bank_files.matching import Known, Open, known_names
from portal.domain.bank_files.naming import begin_of, payer_key, payer_name
from portal.domain.bank_files.statement import Line
from portal.extensions import db
from portal.models import (
    BankBooking,
    BankLine,
    BookedAs,
    Charge,
    Contact,
    Customer,
    LineState,
    OpenItem,
    Payment,
    PaymentState,
)
from portal.services.chunks import in_chunks

Owners = dict[str, set[int]]
# So many names are looked for by one statement.
NAMES_AT_ONCE = 100
# A booking that says whose money a line was.
CHOSEN = (BookedAs.PAYMENT, BookedAs.RECORDED)


@dataclass(frozen=True, slots=True)
class Payers:
    """What is known for some lines of one currency, and the customers who can be meant, with what they have to pay."""

    known: Known = field(default_factory=Known)
    customers: dict[int, Customer] = field(default_factory=dict)
    charges: dict[int, Charge] = field(default_factory=dict)


def as_line(row: BankLine) -> Line:
    """A line that is kept, as it was read."""
    return Line(
        booked_on=row.booked_on, amount=row.amount, kind=row.kind, name=row.name, account=row.payer_account,
        text=row.text, email=row.email, bank_reference=row.bank_reference,
        references=tuple(filter(None, row.other_references.split("\n"))), method=row.method, fee=row.fee,
        returned=row.returned,
    )  # fmt: skip


def numbers_of(row: BankLine) -> set[int]:
    """The customers' numbers that payment references in a line can mean."""
    return {int(number) for number in row.numbers.split()}


def payers_of(rows: Sequence[BankLine], currency: str, also: Iterable[int] = ()) -> Payers:
    """What is known of those whom these lines of one currency can speak of, and of some customers besides."""
    numbers = {number for row in rows for number in numbers_of(row)}
    seen = _seen_before({row.payer_key for row in rows} - {""} | _keys(rows))
    accounts = _by_iban({row.payer_account for row in rows})
    emails = _by_email({row.email for row in rows})
    named = _named({row.name for row in rows})
    ids = numbers.union(*seen.values(), *accounts.values(), *emails.values(), *named.values(), also)
    found: dict[int, Customer] = {}
    for some in in_chunks(sorted(ids)):
        found |= {one.id: one for one in db.session.scalars(select(Customer).where(Customer.id.in_(some)))}
    can_be = {id for id, one in found.items() if one.currency == currency and not one.archived_on}
    charges, items = _open(can_be)
    known = Known(
        numbers & found.keys(), can_be, seen, accounts, emails, known_names(
            (id, name) for id in can_be for name in (found[id].name, found[id].legal_name) if name
        ), items,
    )  # fmt: skip
    return Payers(known, found, charges)


def _keys(rows: Sequence[BankLine]) -> set[str]:
    """What an e-mail and a name are remembered by, beside the account of the same line."""
    emails = {payer_key("", row.email, "") for row in rows if row.email}
    return emails | {payer_key("", "", row.name) for row in rows if row.name} - {""}


def _seen_before(keys: set[str]) -> Owners:
    """Who was chosen before for an account, an e-mail, a name, as long as that stands."""
    found: Owners = defaultdict(set)
    for some in in_chunks(sorted(keys)):
        query = (
            select(BankLine.payer_key, Payment.customer_id)
            .join(BankBooking, BankBooking.line_id == BankLine.id)
            .join(Payment, Payment.id == BankBooking.payment_id)
            .where(BankLine.payer_key.in_(some), BankLine.payer_key != "", BankLine.state == LineState.BOOKED)
            .where(BankBooking.booked_as.in_(CHOSEN), Payment.state != PaymentState.CANCELLED)
            .distinct()
        )
        for key, customer_id in db.session.execute(query):
            found[key].add(customer_id)
    return found


def _by_iban(accounts: set[str]) -> Owners:
    found: Owners = defaultdict(set)
    for some in in_chunks(sorted(accounts - {""})):
        query = select(Customer.iban, Customer.id).where(Customer.iban != "", Customer.iban.in_(some))
        for iban, customer_id in db.session.execute(query):
            found[iban].add(customer_id)
    return found


def _by_email(emails: set[str]) -> Owners:
    """Whose bills, or whose contacts, have an address."""
    found: Owners = defaultdict(set)
    for some in in_chunks(sorted(emails - {""})):
        of_customers = select(func.lower(Customer.email), Customer.id).where(
            func.lower(Customer.email).in_(some)
        )
        of_contacts = select(func.lower(Contact.email), Contact.customer_id).where(
            func.lower(Contact.email).in_(some)
        )
        for query in (of_customers, of_contacts):
            for email, customer_id in db.session.execute(query):
                found[email].add(customer_id)
    return found


def _named(names: set[str]) -> Owners:
    """Customers whose name, or legal name, is one of these, whatever their legal form."""
    plain = {payer_name(name) for name in names} - {""}
    begins = sorted({begin_of(name) for name in names} - {""})
    found: Owners = defaultdict(set)
    columns = select(Customer.id, Customer.name, Customer.legal_name)
    for some in in_chunks(begins, NAMES_AT_ONCE):
        # What follows the name itself begins with a space or a comma: both stand before a hyphen.
        theirs = (and_(Customer.search_key >= begin, Customer.search_key < f"{begin}-") for begin in some)
        legal_names = func.lower(Customer.legal_name).in_([name.lower() for name in sorted(names)])
        by_legal_name = and_(Customer.legal_name != literal_column("''"), legal_names)  # as its index has it
        for customer_id, *known in db.session.execute(columns.where(or_(*theirs, by_legal_name))):
            for name in known:
                if (key := payer_name(name)) in plain:
                    found[key].add(customer_id)
    return found


def _open(customer_ids: set[int]) -> tuple[dict[int, Charge], dict[int, list[Open]]]:
    """What each of these has to pay, what is due first before."""
    charges: dict[int, Charge] = {}
    items: dict[int, list[Open]] = defaultdict(list)
    for some in in_chunks(sorted(customer_ids)):
        query = (
            select(Charge, OpenItem.amount)
            .join(OpenItem, OpenItem.charge_id == Charge.id)
            .where(OpenItem.customer_id.in_(some), OpenItem.amount > 0)
            .order_by(OpenItem.due_on, Charge.charge_on, Charge.id)
        )
        for charge, left in db.session.execute(query):
            charges[charge.id] = charge
            items[charge.customer_id].append(Open(charge.id, left))
    return charges, items
