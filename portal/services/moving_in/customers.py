"""Customers from files (billing-rules 19): by the checks of their form, known by account code, else by name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of_class
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.domain.bank_account import masked
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.move_files.customers import COLUMNS, contacts_of, name_of, party_of
from portal.domain.move_files.lines import Line
from portal.domain.names import name_key
from portal.domain.party import Party
from portal.domain.schedule import FIRST_DAY, ONE_DAY
from portal.domain.tax import Tax, TaxCategory, check_tax
from portal.domain.wording import digits
from portal.extensions import db
from portal.models import Customer, FileKind, MoveMade
from portal.models.company import company
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.customers import account_codes, customers
from portal.services.customers.account_codes import Taken, codes_of
from portal.services.customers.contacts import ContactFields
from portal.services.customers.contacts import contacts_of as stored_contacts
from portal.services.customers.customers import CustomerFields, NewCustomer
from portal.services.deletion.customers import remove_customers
from portal.services.moving_in.kind import At, Difference, Item, Kind, Made, Outcome, Planned
from portal.services.summary.sending import set_monthly

LABELS = {column.name: column.label for column in COLUMNS} | {"contacts": "Contacts"}
PLAIN = ("company_details", "email", "debit_limit", "payment_days", "iban")
NOBODY_CALLED = "This line does not say what the customer is called."


class Wanted(NamedTuple):
    """What a line makes of a customer: the fields, the tax of now and those of days to come, as they are kept, and
    whether the summary of each month is sent to them.
    """

    fields: CustomerFields
    tax: Tax
    planned: Mapping[date, Tax]
    monthly_summary: bool = False


class Customers(Kind):
    """A file of customers, a line each."""

    kind = FileKind.CUSTOMERS
    columns = COLUMNS
    noun = "customer"

    @classmethod
    def samples(cls) -> Sequence[Mapping[str, str]]:
        """A company, and somebody in another country who is not charged tax."""
        (first,) = super().samples()
        contact = {
            "contact_1_name": "Ann Clerk",
            "contact_1_role": "Accounts",
            "contact_1_email": "ann@acme.example",
        }
        other = {
            "name": "Globex", "account_codes": "GLOBEX-1", "currency": "EUR", "email": "bills@globex.example",
            "street": "Unter den Linden 1", "city": "Berlin", "postcode": "10117", "country": "Germany",
            "vat_id": "DE136695976", "tax_rate": "0", "tax_category": "Reverse charge",
            "tax_reason": "Reverse charge: the customer accounts for the tax",
        }  # fmt: skip
        return ({**first, **contact}, other)

    def __init__(self) -> None:
        # What lines make of new customers: checked once, however often they are planned.
        self._new: dict[int, Wanted | Invalid] = {}

    def items(self, lines: Sequence[Line]) -> list[Item]:
        """Each line; one that says again who another one is, with the reason."""
        codes: dict[str, int] = {}
        names: dict[str, int] = {}
        all_names = {name_key(name_of(line.says)): line.place for line in reversed(lines) if not line.reason}
        return [Item((line,), line.reason or _again(line, codes, names, all_names)) for line in lines]

    def plan(self, items: Sequence[Item], today: date) -> list[Planned]:
        """What would become of each line."""
        taken = Taken(
            [name_of(item.says) for item in items], [code for item in items for code in _codes(item.says)]
        )
        found = {item.place: _found(item.says, taken) for item in items}
        stored = _stored({id for ids in found.values() for id in ids})
        return [self._planned(item, [stored[id] for id in found[item.place]], taken, today) for item in items]

    def _planned(self, item: Item, found: Sequence[Customer], taken: Taken, today: date) -> Planned:
        says, name = item.says, name_of(item.says)
        by_code = any(name_key(code) in taken.by_code for code in _codes(says))
        there = list(found) if by_code else _by_name(says, found)
        if len(there) > 1:
            what = "The account codes belong to" if by_code else f"{len(there)} customers are called {name}:"
            return _bad(
                item, f"{what} {', '.join(f'#{one.id}' for one in there)}. Name one by an account code."
            )
        try:
            if there:
                return self._known(item, there[0], taken, today)
            if (archived := item.says.get("archived")) and archived > today:
                raise Invalid(
                    "archived", "It lies ahead: enter the day since which they are out of use, or nothing."
                )
            wanted = self._wanted(item, today)
            taken.check(wanted.fields.name, wanted.fields.account_codes or (), None)
            return Planned(item, Outcome.NEW, wanted.fields.name, value=wanted)
        except RuleBroken as error:
            return _bad(item, _said(error))

    def _wanted(self, item: Item, today: date) -> Wanted:
        """What a line makes of a new customer. Invalid says why it cannot."""
        if item.place not in self._new:
            try:
                self._new[item.place] = _new(item.wants, today)
            except Invalid as error:
                self._new[item.place] = error
        found = self._new[item.place]
        if isinstance(found, Invalid):
            raise found
        return found

    def _known(self, item: Item, customer: Customer, taken: Taken, today: date) -> Planned:
        """What a line makes of a customer who is there."""
        stored = _stored_of(customer, today)
        fields = customers.checked(_merged(stored.fields, item.says))
        tax = _tax(item.says, stored.tax)
        if tax == customer.tax_on(today + ONE_DAY):  # changed today, from tomorrow on
            tax = stored.tax
        monthly = item.says.get("monthly_summary", stored.monthly_summary)
        wanted = Wanted(fields, tax, {**stored.planned, **_planned_taxes(item.says, today)}, monthly)
        differs = tuple(_differences(stored, wanted))
        if not differs:
            return Planned(item, Outcome.SAME, customer.name, thing_id=customer.id)
        if customer.archived_on:
            return _bad(item, f"{customer.name} is archived. Restore the customer first.")
        was = stored.fields
        if fields.currency != was.currency and customers.is_currency_fixed(customer):
            return _bad(
                item,
                f"{customer.name} has amounts in {was.currency}: the currency cannot become {fields.currency}.",
            )
        new = [code for code in fields.account_codes or () if code not in (was.account_codes or ())]
        taken.check(fields.name, new, customer.id)
        return Planned(item, Outcome.CHANGED, customer.name, "", differs, customer.id, wanted)

    def lock(self, items: Sequence[Item], today: date) -> None:
        """The customers who are changed, and who gives names and codes."""
        planned = self.plan(items, today)
        locking.lock(Customer, [one.thing_id for one in planned if one.outcome == Outcome.CHANGED])
        account_codes.lock_names()

    def make(self, planned: Sequence[Planned], at: At) -> list[Made]:
        """The new ones together, the changed ones one by one."""
        new = [one for one in planned if one.outcome == Outcome.NEW]
        wanted = [
            NewCustomer(
                one.value.fields,
                {FIRST_DAY: one.value.tax, **one.value.planned},
                f"moved in {at.import_id}-{one.item.place}",
                one.item.says.get("archived"),
                one.value.monthly_summary,
            )
            for one in new
        ]
        made = customers.create_many(wanted, today=at.today, now=at.now) if wanted else []
        found = [
            Made(one.item.place, self.noun, customer.id, customer.name)
            for one, customer in zip(new, made, strict=True)
        ]
        changed = [one for one in planned if one.outcome == Outcome.CHANGED]
        by_id = {row.id: row for row in locking.lock(Customer, [one.thing_id for one in changed])}
        for one in changed:
            found.append(_change(one, by_id[one.thing_id or 0], at))
        return found

    def take_back(self, made: Sequence[MoveMade], at: At) -> dict[int, str]:
        """Remove those that were made and have nothing else since; put back what was changed and stands as it came."""
        new, changed = [one for one in made if not one.is_change], [one for one in made if one.is_change]
        rows = {row.id: row for row in locking.lock(Customer, [one.thing_id for one in made])}
        left: dict[int, str] = {}
        for one in changed:
            if (customer := rows.get(one.thing_id)) and (reason := _put_back(one, customer, at)):
                left[one.id] = reason
        stay = remove_customers([one.thing_id for one in new])
        return left | {one.id: stay[one.thing_id] for one in new if one.thing_id in stay}


def _bad(item: Item, reason: str) -> Planned:
    return Planned(item, Outcome.BAD, reason=reason)


def _said(error: RuleBroken) -> str:
    """A refusal, with the column that it is about where its sentence does not name it."""
    label = LABELS.get(error.field, "") if isinstance(error, Invalid) else ""
    return error.sentence if label.casefold() in error.sentence.casefold() else f"{label}: {error.sentence}"


# -- who it is


def _codes(says: Mapping[str, Any]) -> tuple[str, ...]:
    return account_codes.split(says.get("account_codes", ""))


def _again(line: Line, codes: dict[str, int], names: dict[str, int], all_names: Mapping[str, int]) -> str:
    """Why a line cannot be who it says: nobody, or whom another line is too. Keeps who it is."""
    key = name_key(name_of(line.says))
    if not key:
        return NOBODY_CALLED
    mine = {name_key(code): code for code in _codes(line.says)}
    for code_key, code in mine.items():
        if (place := codes.setdefault(code_key, line.place)) != line.place:
            return f"Account code {code} is in line {place} too."
        if (place := all_names.get(code_key, line.place)) != line.place:
            return f"Account code {code} is the name in line {place}."
    place = names.setdefault(key, line.place)
    if place != line.place and not mine:
        return f"The same name is in line {place}. Give each an account code."
    return ""


def _found(says: Mapping[str, Any], taken: Taken) -> list[int]:
    """The customers whom a line may mean: by its codes, else by the name."""
    coded = {taken.by_code[key][0] for key in map(name_key, _codes(says)) if key in taken.by_code}
    if coded:
        return sorted(coded)
    return taken.by_name.get(name_key(name_of(says)), [])


def _by_name(says: Mapping[str, Any], found: Sequence[Customer]) -> list[Customer]:
    """Of customers of one name those who are meant: active ones first, those in the line's currency of several.

    A line with codes that nobody has means one who has none; another one of the name is a namesake.
    """
    if _codes(says):
        found = [one for one in found if not one.account_codes]
    found = [one for one in found if not one.archived_on] or list(found)
    if len(found) > 1 and (currency := says.get("currency")):
        return [one for one in found if one.currency == currency] or list(found)
    return list(found)


def _stored(ids: set[int]) -> dict[int, Customer]:
    found: dict[int, Customer] = {}
    parts = (Customer.tax_rates, Customer.account_codes, Customer.contacts)
    for some in in_chunks(sorted(ids)):
        query = select(Customer).where(Customer.id.in_(some)).options(*map(selectinload, parts))
        found |= {one.id: one for one in db.session.scalars(query.execution_options(populate_existing=True))}
    return found


# -- what is wanted


def _new(wants: Mapping[str, Any], today: date) -> Wanted:
    """What a line makes of a new customer. Invalid says why it cannot."""
    provider = company()
    start = CustomerFields("", provider.default_currency, account_codes=(), contacts=())
    fields = customers.checked(_merged(start, wants))
    for code in fields.account_codes or ():
        account_codes.check_form(code)
    monthly = wants.get("monthly_summary", False)
    return Wanted(fields, _tax(wants, None), _planned_taxes(wants, today), monthly)


def _merged(stored: CustomerFields, says: Mapping[str, Any]) -> CustomerFields:
    """What is stored, with what a line says in its place. Codes and contacts are added; none is taken away."""
    party = replace(stored.party, **party_of(says))
    return replace(
        stored,
        name=name_of(says) or stored.name,
        currency=says.get("currency", stored.currency),
        party=party,
        account_codes=_all_codes(stored.account_codes or (), _codes(says)),
        contacts=_all_contacts(stored.contacts or (), says),
        **{name: says[name] for name in PLAIN if name in says},
    )


def _all_codes(stored: Sequence[str], said: Sequence[str]) -> tuple[str, ...]:
    has = {name_key(code) for code in stored}
    return (*stored, *(code for code in said if name_key(code) not in has))


def _all_contacts(stored: Sequence[ContactFields], says: Mapping[str, Any]) -> tuple[ContactFields, ...]:
    found = list(stored)
    for said in contacts_of(says):
        place = next((at for at, one in enumerate(found) if name_key(one.name) == name_key(said.name)), None)
        if place is None:
            found.append(ContactFields(*said))
        else:
            found[place] = replace(
                found[place], **{name: text for name, text in said._asdict().items() if text}
            )
    return tuple(found)


def _tax(says: Mapping[str, Any], stored: Tax | None) -> Tax:
    """The tax that a line says; what it does not say is as stored, or for a new customer as the settings have it."""
    rate: Decimal | None = says.get("tax_rate")
    category, reason = says.get("tax_category"), says.get("tax_reason", "")
    if stored and rate is None and category is None:
        return stored
    if rate is None and category is not None:
        rate = Decimal(0) if category.value != "standard" else (stored.rate if stored else None)
    if rate is None:
        rate = stored.rate if stored else company().default_tax_rate
    if stored and category is None and not rate and not stored.rate:
        category = stored.category
    if stored and category == stored.category and not reason:
        reason = stored.reason
    return check_tax(rate, category, reason)


def _planned_taxes(says: Mapping[str, Any], today: date) -> dict[date, Tax]:
    """The taxes that a line says of days to come."""
    return {day: check_tax(*tax) for day, tax in says.get("planned_tax", ()) if day > today}


def _stored_of(customer: Customer, today: date) -> Wanted:
    """What is stored of a customer, as a line would say it."""
    fields = customers.fields_of(
        customer, account_codes=codes_of(customer), contacts=stored_contacts(customer)
    )
    later = {day: tax for day, tax in customer.taxes if day > today}
    return Wanted(fields, customer.tax_on(today), later, customer.monthly_summary_since is not None)


# -- what differs


def _differences(stored: Wanted, said: Wanted) -> list[Difference]:
    """What a line says otherwise than it is stored, in words."""
    before, after = _values(stored), _values(said)
    return [
        Difference(LABELS[name], _words(name, before[name]), _words(name, after[name]))
        for name in before
        if before[name] != after[name]
    ]


def _values(of: Wanted) -> dict[str, Any]:
    """All that a file can say of a customer, by the names of the columns, as JSON has it."""
    fields, tax = of.fields, of.tax
    found: dict[str, Any] = {"name": fields.name, "currency": fields.currency}
    found |= {field.name: getattr(fields.party, field.name) for field in fields_of_class(Party)}
    found |= {"company_details": fields.company_details, "email": fields.email, "iban": fields.iban}
    found |= {"debit_limit": digits(fields.debit_limit), "payment_days": fields.payment_days}
    found["monthly_summary"] = "yes" if of.monthly_summary else "no"
    found["account_codes"] = sorted(fields.account_codes or (), key=name_key)
    found["contacts"] = [[one.name, one.role, one.email, one.phone] for one in fields.contacts or ()]
    found["planned_tax"] = [[day.isoformat(), *_said_tax(later)] for day, later in sorted(of.planned.items())]
    return found | dict(zip(("tax_rate", "tax_category", "tax_reason"), _said_tax(tax), strict=True))


def _said_tax(tax: Tax) -> list[str]:
    return [digits(tax.rate), tax.category.value, tax.reason]


def _words(name: str, value: Any) -> str:
    if name in ("contacts", "planned_tax"):
        return "; ".join(", ".join(filter(None, one)) for one in value) or "none"
    if name == "account_codes":
        return ", ".join(value) or "none"
    if name == "iban" and value:
        return masked(value)
    return "none" if value in (None, "") else str(value)


# -- changed, and put back


def _change(planned: Planned, customer: Customer, at: At) -> Made:
    """Change a customer as a line says; what it was before is kept."""
    stored, wanted = _stored_of(customer, at.today), planned.value
    _let_be(customer, stored, wanted, at.today)
    before, after = _values(stored), _values(wanted)
    names = [name for name in before if before[name] != after[name]]
    return Made(
        planned.item.place, "customer", customer.id, customer.name, True,
        {name: before[name] for name in names}, {name: after[name] for name in names},
    )  # fmt: skip


def _let_be(customer: Customer, stored: Wanted, wanted: Wanted, today: date) -> None:
    """Let a customer be as is wanted, by the rules of the form. RuleBroken says why that cannot be."""
    customers.change_customer(customer, wanted.fields)
    set_monthly(customer, wanted.monthly_summary, today)
    for day in stored.planned.keys() - wanted.planned.keys():
        customers.drop_tax_rate(customer, day, today)
    if wanted.tax != stored.tax:
        customers.change_tax_rate(
            customer, wanted.tax.rate, None, today, wanted.tax.category, wanted.tax.reason
        )
    for day, tax in wanted.planned.items():
        if stored.planned.get(day) != tax:
            customers.change_tax_rate(customer, tax.rate, day, today, tax.category, tax.reason)


def _put_back(made: MoveMade, customer: Customer, at: At) -> str:
    """Put back what an import has changed of a customer; else why not."""
    before, after = json.loads(made.before), json.loads(made.after)
    stored, tomorrow = _stored_of(customer, at.today), at.today + ONE_DAY
    if "tax_rate" in after and digits(customer.tax_on(tomorrow).rate) == after["tax_rate"]:
        # It was changed today, from tomorrow on.
        later = {day: tax for day, tax in stored.planned.items() if day != tomorrow}
        if later != stored.planned:
            customers.drop_tax_rate(customer, tomorrow, at.today)
            stored = stored._replace(tax=customer.tax_on(at.today), planned=later)
            after = {name: value for name, value in after.items() if not name.startswith("tax_")}
            before = {name: value for name, value in before.items() if not name.startswith("tax_")}
    now = _values(stored)
    if moved := [LABELS[name] for name in after if now[name] != after[name] and name != "planned_tax"]:
        return f"Changed since: {', '.join(moved)}."
    try:
        _let_be(customer, stored, _from_values(now | before, at.today), at.today)
    except RuleBroken as error:
        return error.sentence
    return ""


def _from_values(was: Mapping[str, Any], today: date) -> Wanted:
    """What `_values` has said."""
    fields = CustomerFields(
        was["name"], was["currency"], was["company_details"], was["email"],
        Party(**{field.name: was[field.name] for field in fields_of_class(Party)}),
        Decimal(was["debit_limit"]), tuple(was["account_codes"]), was["payment_days"], was["iban"],
        tuple(ContactFields(*one) for one in was["contacts"]),
    )  # fmt: skip
    taxes = {date.fromisoformat(day): _tax_said(*tax) for day, *tax in was["planned_tax"]}
    tax = _tax_said(was["tax_rate"], was["tax_category"], was["tax_reason"])
    later = {day: tax_then for day, tax_then in taxes.items() if day > today}
    return Wanted(fields, tax, later, was["monthly_summary"] == "yes")


def _tax_said(rate: str, category: str, reason: str) -> Tax:
    return check_tax(Decimal(rate), TaxCategory(category), reason)
