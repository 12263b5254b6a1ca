"""Calls in the balance: one entry a customer and day, rounded once (billing-rules 9)."""

import logging
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Select, func, select, type_coerce

from portal.domain.money import minor_unit, round_half_up, tax_on
from portal.domain.terms import in_force
from portal.extensions import db
from portal.models import (
    BalanceEntry,
    Call,
    Customer,
    EntrySource,
)
from portal.models.raw_tables import ENTRY
from portal.services.billing.loading import tax_rates_of
from portal.services.calls.counting import counts
from portal.services.copying import copy_in

AGAIN = "The calls of that day were recalculated."
log = logging.getLogger("portal.billing")


def enter_calls(
    customer_ids: Collection[int],
    since: date,
    today: date,
    now: datetime,
    to_come: Sequence[int] = (),
) -> None:
    """One entry a customer and day for what calls cost after free minutes; what came late adds the difference.

    The calls of imports `to_come` are none yet. The balance of an archived customer stays as it is.
    """
    if not customer_ids:
        return
    query = select(Customer.id, Customer.name, Customer.currency).where(
        Customer.id.in_(customer_ids), Customer.archived_on.is_(None)
    )
    rates = tax_rates_of(customer_ids)
    currencies = {}
    for id, name, currency in db.session.execute(query):
        if id in rates:
            currencies[id] = currency
        else:
            log.error(
                "The calls of %s (customer #%s) are not in the balance: there is no tax rate.", name, id
            )
    if not currencies:
        return
    customer_ids = list(currencies)
    entered = _entered(customer_ids, since)
    rows: list[tuple[Any, ...]] = []
    for customer_id, day, spend in db.session.execute(_spent(customer_ids, since, to_come)):
        unit = minor_unit(currencies[customer_id])
        amount = round_half_up(int(spend), 1, unit)
        tax = tax_on(amount, in_force(rates[customer_id], day), unit)
        had, had_tax = entered.pop((customer_id, day), (0, 0))
        rows.append((customer_id, day, -(amount + tax) - had, -tax - had_tax, AGAIN if had else ""))
    for (customer_id, day), (had, had_tax) in entered.items():
        rows.append((customer_id, day, -had, -had_tax, AGAIN))
    same = {"source": EntrySource.CALLS.value, "made_on": today, "made_by": "", "made_at": now}
    columns = ("customer_id", "for_day", "amount", "tax", "reason")
    # In the order of their days, whichever had entries before.
    copy_in(ENTRY, columns, sorted(row for row in rows if row[2] or row[3]), same)


def _spent(customer_ids: Collection[int], since: date, to_come: Sequence[int]) -> Select[int, date, int]:
    spend = func.sum(type_coerce(Call.amount, BigInteger) - type_coerce(Call.covered_amount, BigInteger))
    return (
        select(Call.customer_id, Call.day, spend)
        .where(Call.customer_id.in_(customer_ids), Call.day >= since, counts(Call.import_id, to_come))
        .group_by(Call.customer_id, Call.day)
        .order_by(Call.customer_id, Call.day)
    )


def _entered(customer_ids: Collection[int], since: date) -> dict[tuple[int, date], tuple[int, int]]:
    query = (
        select(
            BalanceEntry.customer_id,
            BalanceEntry.for_day,
            func.sum(type_coerce(BalanceEntry.amount, BigInteger)),
            func.sum(type_coerce(BalanceEntry.tax, BigInteger)),
        )
        .where(BalanceEntry.customer_id.in_(customer_ids), BalanceEntry.source == EntrySource.CALLS)
        .where(BalanceEntry.for_day >= since)
        .group_by(BalanceEntry.customer_id, BalanceEntry.for_day)
    )
    return {(id, day): (int(amount), int(tax)) for id, day, amount, tax in db.session.execute(query)}
