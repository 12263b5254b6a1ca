"""The portfolio, written straight into the tables: the rows that the services would have written (a test holds it).

One transaction, which the caller commits: stopped anywhere, nothing is there. Audit log and sent forms know of the
packages only: for the rest nobody has sent a form.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import exists, func, select

from portal import database
from portal.domain.money import to_micros
from portal.domain.names import name_key, search_key
from portal.domain.party import Party
from portal.domain.schedule import FIRST_DAY
from portal.domain.tax import check_tax
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Assignment, Customer, Did, Package
from portal.models.customer import FOUND_BY
from portal.services import audit
from portal.services.demo import company as lumen
from portal.services.portfolio.catalogue import at, put_on_sale, take_off_sale
from portal.services.portfolio.filling import fill, last_id
from portal.services.portfolio.who import Given, Number, Person, tell

AT_ONCE = 20_000  # told things whose rows are written together
BY = "portfolio"
PARTY = tuple(Party.__dataclass_fields__)
Rows = Iterator[tuple[Any, ...]]
Say = Callable[[str], object]


def why_not_write() -> str | None:
    """Why no portfolio is written here: somebody has worked with this portal. None where it may be."""
    for model, words in ((Package, "packages"), (Customer, "customers"), (Did, "DIDs")):
        if db.session.scalar(select(exists().where(model.id > 0))):
            return f"Assignments are made up in an empty portal only, and this one has {words}. Nothing was changed."
    return None


def write(assignments: int, since: date, say: Say = lambda sentence: None) -> None:
    """A portfolio of so many assignments, nobody due before `since`. The same number and day make the same rows."""
    database.make_room(db.session.connection())
    ids = _Ids()
    with audit.acting(audit.Actor(BY, "owner", at=at(since))):
        lumen.introduce()
        sold = put_on_sale(since)
        db.session.flush()
    told = tell(assignments, since, sold)
    written = 0
    while some := list(islice(told, AT_ONCE)):
        people = [one for one in some if isinstance(one, Person)]
        numbers = [one for one in some if isinstance(one, Number)]
        given = [one for one in some if isinstance(one, Given)]
        _write_people(people, ids)
        _write_numbers(numbers, ids)
        _write_given(given, ids)
        written += len(given)
        if written // 100_000 > (written - len(given)) // 100_000:
            say(f"{whole(written)} assignments are written.")
    with audit.acting(audit.Actor(BY, "owner", at=at(since))):
        take_off_sale(sold, since)


def largest() -> Customer:
    """The customer with most assignments."""
    most = (
        select(Assignment.customer_id).group_by(Assignment.customer_id).order_by(func.count().desc()).limit(1)
    )
    return db.session.get_one(Customer, db.session.scalar(most))


class _Ids:
    """The id of what is numbered: it follows on what its table has given already."""

    def __init__(self) -> None:
        self.customer, self.did, self.assignment = map(last_id, ("customer", "did", "assignment"))

    def did_of(self, number: int | None) -> int | None:
        """The id of a DID, where there is one."""
        return None if number is None else self.did + number


def _write_people(people: Sequence[Person], ids: _Ids) -> None:
    fill(
        "customer",
        "id token name name_key search_key details_key company_details email".split()
        + list(PARTY)
        + "currency debit_limit payment_days archived_on created_on created_at version".split(),
        (_customer(one, ids) for one in people),
    )
    fill("customer_tax_rate", "customer_id effective_from rate category".split(), _tax_rates(people, ids))
    codes = ((one, code) for one in people for code in one.fields.account_codes or ())
    fill(
        "account_code",
        "customer_id code key search_key".split(),
        ((ids.customer + one.number, code, name_key(code), search_key(code)) for one, code in codes),
    )


def _customer(one: Person, ids: _Ids) -> tuple[Any, ...]:
    it = one.fields
    party = {name: getattr(it.party, name) for name in PARTY}
    known = {"email": it.email, "company_details": it.company_details} | party
    details = search_key(" ".join(filter(None, (known[name] for name in FOUND_BY))))
    return (
        ids.customer + one.number, f"portfolio-{one.number}", it.name, name_key(it.name), search_key(it.name), details,
        it.company_details, it.email, *party.values(), it.currency, to_micros(it.debit_limit), it.payment_days,
        one.archived_on, one.created_on, at(one.created_on), 1 + bool(one.later_rate) + bool(one.archived_on),
    )  # fmt: skip


def _tax_rates(people: Sequence[Person], ids: _Ids) -> Rows:
    for one in people:
        for day, rate in ((FIRST_DAY, one.tax_rate), *([one.later_rate] if one.later_rate else [])):
            yield ids.customer + one.number, day, to_micros(rate), check_tax(rate).category.value


def _write_numbers(numbers: Sequence[Number], ids: _Ids) -> None:
    fill(
        "did",
        "id number country customer_id created_at version".split(),
        (
            (
                ids.did + one.number, one.e164, one.country, _owner(one, ids, returned=bool(one.returned_on)),
                at(one.taken_in_on), 1 + bool(one.returned_on),
            )
            for one in numbers
        ),
    )  # fmt: skip
    fill("did_owner", "did_id effective_from customer_id".split(), _owners(numbers, ids))


def _owner(one: Number, ids: _Ids, *, returned: bool) -> int | None:
    return None if returned or one.customer is None else ids.customer + one.customer


def _owners(numbers: Sequence[Number], ids: _Ids) -> Rows:
    for one in numbers:
        if one.returned_on != one.taken_in_on:  # of one day the last counts
            yield ids.did + one.number, one.taken_in_on, _owner(one, ids, returned=False)
        if one.returned_on:
            yield ids.did + one.number, one.returned_on, None


def _write_given(given: Sequence[Given], ids: _Ids) -> None:
    fill(
        "assignment",
        "id token package_id customer_id did_id start_date end_date charge_from minutes minimum_days locked_until "
        "auto_decrement_credit override_reason override_by created_by created_at version".split(),
        (
            (
                ids.assignment + one.number, f"portfolio-{one.number}", one.sold.id, ids.customer + one.customer,
                ids.did_of(one.did), one.start_date, one.end_date, one.charge_from, one.minutes, one.minimum_days,
                one.locked_until, one.auto_decrement_credit, "", "", BY, at(one.made_on),
                1 + bool(one.later_quantity) + bool(one.later_retail),
            )
            for one in given
        ),
    )  # fmt: skip
    fill("assignment_quantity", "assignment_id effective_from quantity".split(), _quantities(given, ids))
    fill(
        "assignment_end",
        "assignment_id known_on end_date".split(),
        ((ids.assignment + one.number, FIRST_DAY, one.end_date) for one in given),
    )
    fill("assignment_price", "assignment_id effective_from retail".split(), _own_prices(given, ids))
    fill(
        "assignment_position",
        "assignment_id next_charge_on held_lines was_undone version".split(),
        ((ids.assignment + one.number, one.begins, 0, False, 1) for one in given),
    )


def _quantities(given: Sequence[Given], ids: _Ids) -> Rows:
    for one in given:
        yield ids.assignment + one.number, FIRST_DAY, one.quantity
        if one.later_quantity:
            yield ids.assignment + one.number, *one.later_quantity


def _own_prices(given: Sequence[Given], ids: _Ids) -> Rows:
    for one in given:
        if one.retail is not None:
            yield ids.assignment + one.number, FIRST_DAY, to_micros(one.retail)
        if one.later_retail:
            day, retail = one.later_retail
            yield ids.assignment + one.number, day, None if retail is None else to_micros(retail)
