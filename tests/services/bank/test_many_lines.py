"""A statement of 10,000 lines: every exact reference matched, none wrong."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from portal.domain.bank_files.statement import tidy
from portal.domain.payment_reference import payment_reference
from portal.domain.schedule import FIRST_DAY
from portal.domain.tax import TaxCategory
from portal.extensions import db
from portal.models import BankBooking, BankLine, Customer, CustomerTaxRate, LineState, Payment
from portal.services.bank import exact, lists, proposals
from tests.banking import IBAN, take_in
from tests.trade import BEN, NOW, TODAY

LINES, CUSTOMERS = 10_000, 2_000
NOISE = (
    "Invoice {n}", "Rechnung {n} vom 03.11.2026", "2026/{n}", "RF{n} is not a reference", "KdNr {n}", "thank you", "",
    "RF 00 {n}", "Ref {n} RF", "4711 {n} 0815",
)  # fmt: skip


def spaced(reference, luck):
    """A reference as people and banks write it."""
    way = luck.randrange(6)
    if way == 0:
        return reference
    if way == 1:
        return " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))
    if way == 2:
        return reference.lower()
    if way == 3:
        return f"{reference[:2]} {reference[2:]}"
    if way == 4:
        return f"{reference[:4]}-{reference[4:]}"
    place = luck.randrange(1, len(reference))
    return f"{reference[:place]} {reference[place:]}"


def mistyped(reference, luck):
    """A reference with one digit wrong: its check digits say so."""
    place = luck.randrange(2, len(reference))
    digit = luck.choice([d for d in "123456789" if d != reference[place]])
    return reference[:place] + digit + reference[place + 1 :]


@pytest.mark.slow
def test_of_ten_thousand_lines_every_exact_reference_is_matched_and_none_wrong(session):
    luck = random.Random(17)
    ids = list(range(100_001, 100_001 + CUSTOMERS))
    session.execute(
        insert(Customer),
        [
            {"id": id, "token": f"n{id}", "name": f"Customer {id}", "name_key": f"customer {id}",
             "search_key": f"customer {id}", "currency": "EUR", "created_on": TODAY, "created_at": NOW}
            for id in ids
        ],
    )  # fmt: skip
    session.execute(
        insert(CustomerTaxRate),
        [
            {"customer_id": id, "effective_from": FIRST_DAY, "rate": 0, "category": TaxCategory.ZERO}
            for id in ids
        ],
    )
    session.commit()
    meant, rows = {}, []
    for number in range(LINES):
        noise = luck.choice(NOISE).format(n=luck.randrange(1, 10 ** luck.randrange(1, 9)))
        whose, kind = luck.choice(ids), luck.random()
        if kind < 0.8:
            meant[f"T-{number}"] = whose
            words = [spaced(payment_reference(whose), luck), noise]
        elif kind < 0.9:
            words = [mistyped(payment_reference(whose), luck), noise]
        elif kind < 0.95:
            words = [
                payment_reference(whose),
                payment_reference(luck.choice([id for id in ids if id != whose])),
            ]
        else:
            words = [noise]
        luck.shuffle(words)
        day = TODAY - timedelta(days=luck.randrange(1, 30))
        text = tidy(", ".join(words)).replace(";", ",")
        rows.append(
            f"{day};Payer {number};;{text};T-{number};{luck.randrange(1, 10**6) / 100:.2f};EUR;{IBAN}"
        )
    head = "Booking date;Name;IBAN;Text;Transaction ID;Paid in;Currency;Own account"
    kept = take_in("many.csv", "\n".join([head, *rows]).encode())
    (statement,) = kept.statements
    session.commit()
    assert (kept.new, statement.line_count) == (LINES, LINES)

    found = {}
    lines = list(session.scalars(select(BankLine)))
    for at in range(0, LINES, 500):
        made = proposals.propose(lines[at : at + 500])
        found |= {one.line.bank_reference: one.customer.id for one in made.values() if one.is_exact}
    assert found == meant

    sample = dict(list(meant.items())[:100])
    session.execute(
        db.update(BankLine).where(BankLine.bank_reference.not_in(sample)).values(state=LineState.SET_ASIDE)
    )
    session.commit()
    done = exact.book_exact(statement, by=BEN, today=TODAY, now=lambda: NOW)
    assert (done.count, done.refused) == (len(sample), [])
    booked = session.execute(
        select(BankLine.bank_reference, Payment.customer_id)
        .join(BankBooking, BankBooking.line_id == BankLine.id)
        .join(Payment, Payment.id == BankBooking.payment_id)
    )
    assert dict(booked.all()) == sample
    sums = lists.sums_of([statement.id])[statement.id]
    assert sum(one.total for one in sums.values()) == statement.total
    assert sum(one.count for one in sums.values()) == LINES
