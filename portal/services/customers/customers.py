"""Customers: making, changing and finding them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from portal.domain import party as parties
from portal.domain.bank_account import check_iban
from portal.domain.currencies import CURRENCIES
from portal.domain.email_address import check_email
from portal.domain.errors import Invalid, WayOut
from portal.domain.money import AMOUNT_BELOW, fits
from portal.domain.names import (
    CUSTOMER_NUMBER,
    NAME_TOO_LONG,
    is_key_too_long,
    name_key,
    search_key,
    search_words,
    written,
)
from portal.domain.party import NOBODY, Party
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.domain.tax import Tax, TaxCategory, check_tax
from portal.domain.wording import decimals, listed, whole
from portal.extensions import db
from portal.models import AccountCode, Assignment, BalanceEntry, Charge, Contact, Customer, CustomerTaxRate
from portal.services import locking
from portal.services.billing.positions import lock_positions
from portal.services.customers import account_codes
from portal.services.customers import contacts as contact_people
from portal.services.customers.contacts import ContactFields
from portal.services.customers.posted import has_postings
from portal.services.listing import COUNTED, Sort, count, values_of
from portal.services.once import Receipt, Sent, once
from portal.services.parts import LETTERS, holds

NAME_MAX = 120
COMPANY_DETAILS_MAX = 250
PAYMENT_DAYS_MAX = 366
NAMESAKES_MAX = 1_000
# A part that more codes, or contacts, have than this looks their customers up as it goes.
LOOKED_UP = 500
# Of so many customers who were added last, these parts hold a word that very many hold, or most.
LOOKED_AT, VERY_MANY, MOST = 1_000, 0.05, 0.5
# So many who may be meant are named to whoever typed a part of a name.
MEANT_MAX = 3

ACTIVE, ARCHIVED, ALL = "active", "archived", "all"
STATES = (ACTIVE, ARCHIVED, ALL)
SORTS = {
    sign + name: Sort(columns, descending=bool(sign))
    for name, columns in (
        ("name", (Customer.search_key, Customer.id)),
        ("currency", (Customer.currency, Customer.search_key, Customer.id)),
        ("since", (Customer.created_on, Customer.id)),
    )
    for sign in ("", "-")
}


@dataclass(frozen=True, slots=True)
class CustomerFields:
    """What is known of a customer, apart from the tax, which has a history."""

    name: str
    currency: str
    company_details: str = ""
    email: str = ""
    party: Party = NOBODY
    debit_limit: Decimal = Decimal(0)
    # None: they stay as they are.
    account_codes: tuple[str, ...] | None = None
    # None: as in the settings.
    payment_days: int | None = None
    iban: str = ""
    # None: they stay as they are.
    contacts: tuple[ContactFields, ...] | None = None


def create_customer(
    fields: CustomerFields,
    tax_rate: Decimal,
    category: TaxCategory | None = None,
    tax_reason: str = "",
    *,
    token: str,
    today: date,
    now: datetime,
) -> Customer:
    """A new customer; the one that was made already where the same form is sent twice.

    Without a category, the one that the rate alone says (`check_tax`).
    """

    def make() -> Customer:
        customer = Customer(token=token, created_on=today, created_at=now)
        _copy(fields, customer)
        tax = check_tax(tax_rate, category, tax_reason)
        customer.tax_rates = [CustomerTaxRate(effective_from=FIRST_DAY, **tax._asdict())]
        return customer

    def tell(made: Customer) -> Receipt:
        way = WayOut(f"See {made.name}", "customers.show", {"customer_id": made.id})
        return f"the customer {made.name} was added", way

    query = select(Customer).where(Customer.token == token)
    try:
        sent = Sent("customer", token, (fields, tax_rate, category, tax_reason))
        return once(sent, query, make, tell)[0]
    except IntegrityError:  # somebody else was quicker to give one of the codes
        account_codes.check_free(fields.account_codes or (), Customer())
        raise


class NewCustomer(NamedTuple):
    """A customer among many that are made: the fields (`checked`), the taxes by days, a token of its own, and whether
    the summary of each month is sent to them, from that of today on.
    """

    fields: CustomerFields
    taxes: Mapping[date, Tax]
    token: str
    archived_on: date | None = None
    monthly_summary: bool = False


def create_many(wanted: Sequence[NewCustomer], *, today: date, now: datetime) -> list[Customer]:
    """Many new customers, with as many statements as for a few. Invalid where a name or a code cannot be given.

    Whoever calls locks the names (`account_codes.lock_names`) before it finds out that the customers are new.
    """
    fields = [new.fields for new in wanted]
    codes = [code for one in fields for code in one.account_codes or ()]
    taken = account_codes.Taken([one.name for one in fields], codes)
    made = []
    for new in wanted:
        taken.check(new.fields.name, new.fields.account_codes or (), None)
        customer = Customer(token=new.token, created_on=today, created_at=now, archived_on=new.archived_on)
        _put(new.fields, customer)
        customer.monthly_summary_since = today if new.monthly_summary else None
        customer.account_codes = account_codes.rows_of(new.fields.account_codes or ())
        customer.tax_rates = [
            CustomerTaxRate(effective_from=day, **tax._asdict()) for day, tax in new.taxes.items()
        ]
        made.append(customer)
    db.session.add_all(made)
    db.session.flush()
    return made


def change_customer(customer: Customer, fields: CustomerFields) -> None:
    """Change what is known of a customer. The currency is fixed once anything stands in it."""
    locking.lock(Customer, [customer.id])
    if fields.currency != customer.currency and is_currency_fixed(customer):
        raise Invalid(
            "currency",
            f"{customer.name} has assignments, charges, payments, calls or entries in {customer.currency}. "
            f"Create another customer for {fields.currency}.",
        )
    _copy(fields, customer)


def fields_of(customer: Customer, **changes: Any) -> CustomerFields:
    """What is stored of a customer, with some of it changed."""
    names = ("name", "currency", "company_details", "email", "party", "debit_limit", "payment_days", "iban")
    return CustomerFields(**{name: getattr(customer, name) for name in names} | changes)


def is_currency_fixed(customer: Customer) -> bool:
    """Whether anything of theirs is in their currency for good."""
    return any(_has(customer, model) for model in (Assignment, BalanceEntry, Charge)) or has_postings(
        customer.id
    )


def change_tax_rate(
    customer: Customer,
    rate: Decimal,
    effective_from: date | None,
    today: date,
    category: TaxCategory | None = None,
    reason: str = "",
) -> bool:
    """Let a tax rate hold from a day on, with its category (`check_tax`); whether that changes anything.

    Without a day, from tomorrow. While nothing has been posted for the customer, a day that is not after
    today (or none) means that the rate has always held.
    """
    tax = check_tax(rate, category, reason)
    locking.lock(Customer, [customer.id])
    if not has_postings(customer.id):
        # A run that is at work on the customer comes wholly before the change, or wholly after it.
        theirs = select(Assignment.id).where(Assignment.customer_id == customer.id)
        lock_positions(db.session.scalars(theirs).all())
    at_once = not has_postings(customer.id)
    begins = effective_from or (FIRST_DAY if at_once else today + ONE_DAY)
    if not FIRST_DAY <= begins <= LAST_DAY:
        raise Invalid("tax_rate_from", f"Choose a day between {FIRST_DAY.year} and {LAST_DAY.year}.")
    if begins <= today and not at_once:
        raise Invalid(
            "tax_rate_from",
            f"Charges have been posted for {customer.name} at the present rate. Choose tomorrow or a later "
            "day for the new rate, or correct it back to a day.",
        )
    history = dict(customer.taxes)
    if begins <= today:
        history = {FIRST_DAY: tax} | {day: later for day, later in history.items() if day > today}
    else:
        history[begins] = tax
    return store_taxes(customer, history)


def drop_tax_rate(customer: Customer, effective_from: date, today: date) -> None:
    """Take back a tax rate that does not hold yet."""
    locking.lock(Customer, [customer.id])
    if effective_from <= today:
        raise Invalid("tax_rate_from", "This tax rate is already in force. Set another one from tomorrow.")
    history = dict(customer.taxes)
    history.pop(effective_from, None)
    store_taxes(customer, history)


def find_customers(text: str = "", state: str = ACTIVE, currency: str = "") -> Select[Customer]:
    """The customers whose names, account codes, contacts, e-mail, town, VAT ID and so on hold `text`.

    FOUND_BY of portal.models.customer, and of portal.models.contact, names all of them.
    """
    query, own, words = _in_state(select(Customer), state, currency), [], search_words(text)
    short = _short_that_most_hold(words)
    for word in words:
        if word in short:
            query = query.where(_holds_anywhere(word))
            continue
        ways = [_whose_parts_hold(model, word) for model in (AccountCode, Contact)]
        if some := [way for way in ways if way is not None]:
            query = query.where(or_(holds(Customer, word), *some))
        else:
            own.append(word)
    # What no code and no contact holds, together: few hold all of it.
    return query.where(holds(Customer, *own)) if own else query


def found_and_counted(
    text: str = "", state: str = ACTIVE, currency: str = ""
) -> tuple[Select[Customer], int | None]:
    """The same, and how many they are where that is told sooner in another way.

    No index helps to find words of two letters. Where the texts of customers alone say that very many hold them, a page
    is full before many have been asked for their codes and contacts, and these are not looked through first.
    """
    words = search_words(text)
    are_short = words and all(len(word) < LETTERS for word in words)
    if are_short and _count_of_last_that_hold(words) > LOOKED_AT * VERY_MANY:
        own = select(Customer).where(*(holds(Customer, word) for word in words))
        total = count(_in_state(own, state, currency))
        if total > COUNTED:
            query = _in_state(select(Customer), state, currency)
            return query.where(*map(_holds_anywhere, words)), total
    query = find_customers(text, state, currency)
    if words or state != ACTIVE or not currency:
        return query, None
    # Off the index of currencies, but for the few who are archived: it does not know them.
    archived = select(Customer.id).where(Customer.archived_on.is_not(None))
    return query, count(select(Customer).where(Customer.currency == currency, Customer.id.not_in(archived)))


def _in_state(query: Select[Customer], state: str, currency: str) -> Select[Customer]:
    if state in (ACTIVE, ARCHIVED):
        query = query.where(
            Customer.archived_on.is_(None) if state == ACTIVE else Customer.archived_on.is_not(None)
        )
    return query.where(Customer.currency == currency) if currency else query


def _short_that_most_hold(words: Sequence[str]) -> Sequence[str]:
    """The words that no index helps to find, where most customers hold them: who holds the others is asked for them."""
    short = [word for word in words if len(word) < LETTERS]
    is_asked = 0 < len(short) < len(words) and _count_of_last_that_hold(short) >= LOOKED_AT * MOST
    return short if is_asked else ()


def _count_of_last_that_hold(words: Sequence[str]) -> int:
    """How many of the customers who were added last hold all words in their own texts."""
    last = select(func.max(Customer.id) - LOOKED_AT).scalar_subquery()
    return count(select(Customer).where(Customer.id > last, *(holds(Customer, word) for word in words)))


def _holds_anywhere(word: str) -> ColumnElement[bool]:
    """Whether a customer holds a word, or one of their codes or contacts does, asked of each."""
    return or_(
        holds(Customer, word), *(_has_parts_that_hold(model, word) for model in (AccountCode, Contact))
    )


def _has_parts_that_hold(model: type[AccountCode] | type[Contact], word: str) -> ColumnElement[bool]:
    """Whether one of a customer's codes, or contacts, holds a word, asked of each. As a value: where it exists,
    PostgreSQL would look through all of them.
    """
    first = select(model.id).where(model.customer_id == Customer.id, holds(model, word)).limit(1)
    return first.correlate(Customer).scalar_subquery().is_not(None)


def _whose_parts_hold(model: type[AccountCode] | type[Contact], word: str) -> ColumnElement[bool] | None:
    """Whether one of a customer's codes, or contacts, holds a word; None where none does. Few are looked up first."""
    query = select(model.customer_id).where(holds(model, word))
    few = set(db.session.scalars(query.limit(LOOKED_UP + 1)))
    if not few:
        return None
    return Customer.id.in_(sorted(few) if len(few) <= LOOKED_UP else query)


def named(text: str) -> Customer:
    """The customer meant by an account code, a name, or a number as in #12. Invalid where it is none or several.

    Files of calls find customers in the same order (portal.services.calls.owners).
    """
    text, key = written(text), name_key(text)
    coded = select(Customer).join(AccountCode).where(AccountCode.key == key)
    if found := db.session.scalars(coded).first():
        return found
    query = select(Customer).where(Customer.name_key == key).order_by(Customer.id)
    namesakes = list(db.session.scalars(query))
    if not namesakes and (number := CUSTOMER_NUMBER.fullmatch(text)):
        if numbered := db.session.get(Customer, int(number[1])):
            return numbered
        raise Invalid("customer", f"There is no customer {text}.")
    if not namesakes:
        raise Invalid("customer", f"There is no customer called {text[:NAME_MAX]}.{_did_you_mean(text)}")
    active = [customer for customer in namesakes if not customer.archived_on] or namesakes
    if len(active) > 1:
        numbers = [f"#{customer.id} ({customer.currency})" for customer in active[:5]]
        others = [f"another of the {len(active)}"] if len(active) > 5 else []
        choice = listed([*numbers, *others], "or")
        raise Invalid("customer", f"{len(active)} customers are called {active[0].name}: enter {choice}.")
    return active[0]


def _did_you_mean(text: str) -> str:
    """Who may be meant, as a question: by their number without its #, or by the beginning of a name."""
    number, key = CUSTOMER_NUMBER.fullmatch(f"#{text}"), search_key(text)
    if number and (numbered := db.session.get(Customer, int(number[1]))):
        return f" Did you mean #{numbered.id} ({numbered.name})?"
    query = select(Customer).where(Customer.search_key.startswith(key, autoescape=True)).limit(NAMESAKES_MAX)
    found = db.session.scalars(query) if key else ()
    names = sorted({customer.name for customer in found if not customer.archived_on}, key=search_key)
    if not 1 <= len(names) <= MEANT_MAX:
        return ""
    return f" Did you mean {listed(names, 'or')}?"


def currencies_in_use() -> list[str]:
    """The currencies that customers have."""
    return values_of(Customer.currency)


def checked(fields: CustomerFields) -> CustomerFields:
    """The fields as they are kept, whoever's they are. Invalid names the one that cannot be."""
    name = written(fields.name)
    if not name_key(name):
        raise Invalid("name", "Give the customer a name.")
    for field, text, most in (
        ("name", name, NAME_MAX),
        ("company_details", fields.company_details, COMPANY_DETAILS_MAX),
    ):
        if len(text) > most:
            raise Invalid(field, f"Too long: {most} characters at most.")
    if is_key_too_long(name):
        raise Invalid("name", NAME_TOO_LONG)
    if fields.currency not in CURRENCIES:
        raise Invalid("currency", f"{fields.currency[:10]} is not a currency. Choose one from the list.")
    if abs(fields.debit_limit) >= AMOUNT_BELOW or not fits(fields.debit_limit, fields.currency):
        raise Invalid(
            "debit_limit",
            f"A debit limit in {fields.currency} must be below {whole(AMOUNT_BELOW)} with "
            f"{decimals(fields.currency)} at most.",
        )
    if fields.payment_days is not None and not 0 <= fields.payment_days <= PAYMENT_DAYS_MAX:
        raise Invalid("payment_days", f"Payment Days must be 0 to {PAYMENT_DAYS_MAX}.")
    party = parties.checked(fields.party)
    return replace(
        fields,
        name=name,
        company_details=fields.company_details.strip(),
        email=check_email(fields.email),
        party=party,
        iban=check_iban(fields.iban),
        contacts=None
        if fields.contacts is None
        else contact_people.all_checked(fields.contacts, party.country),
    )


def _copy(fields: CustomerFields, customer: Customer) -> None:
    """Check the fields and put them on the customer."""
    kept = checked(fields)
    if name_key(kept.name) != customer.name_key:
        account_codes.lock_names()
        account_codes.check_name(kept.name, customer)
    _put(kept, customer)
    if kept.account_codes is not None:
        account_codes.give(customer, kept.account_codes)
    if kept.contacts is not None:
        # They stand in rows of their own; whoever has the customer open must be told all the same.
        flag_modified(customer, "search_key")


def _put(kept: CustomerFields, customer: Customer) -> None:
    """Put what was checked on a customer, but for the codes."""
    for name in (
        "name",
        "currency",
        "company_details",
        "email",
        "party",
        "debit_limit",
        "payment_days",
        "iban",
    ):
        setattr(customer, name, getattr(kept, name))
    if kept.contacts is not None:
        contact_people.put(customer, kept.contacts)


def store_taxes(customer: Customer, history: dict[date, Tax]) -> bool:
    """Store a history of taxes, leaving out what repeats the one before it; whether anything changed."""
    kept: dict[date, Tax] = {}
    for day, tax in sorted(history.items()):
        if not kept or kept[max(kept)] != tax:
            kept[day] = tax
    if kept == dict(customer.taxes):
        return False
    rows = {row.effective_from: row for row in customer.tax_rates}
    for day, row in rows.items():
        if day not in kept:
            customer.tax_rates.remove(row)
    for day, tax in kept.items():
        if day in rows:
            rows[day].rate, rows[day].category, rows[day].reason = tax
        else:
            customer.tax_rates.append(CustomerTaxRate(effective_from=day, **tax._asdict()))
    customer.tax_rates.sort(key=lambda row: row.effective_from)
    # The rates stand in rows of their own; whoever has the customer open must be told all the same.
    flag_modified(customer, "search_key")
    return True


def _has(customer: Customer, model: type[Assignment] | type[BalanceEntry]) -> bool:
    return bool(db.session.scalar(select(exists().where(model.customer_id == customer.id))))
