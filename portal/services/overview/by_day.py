"""What was charged on each day of this month and of the one before: whether this one is ahead."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Charge
from portal.services.overview.due import month_end
from portal.services.overview.remembering import Reading

Days = Mapping[date, Decimal]


def charged_by_day(reading: Reading) -> Mapping[str, Days]:
    """By currency and day, before tax and without opening items; remembered until something is posted."""
    return reading.answer("charged by day", reading.newest, lambda: add_up(reading.today))


def add_up(today: date) -> dict[str, dict[date, Decimal]]:
    """The same from the charges themselves."""
    begins = (today.replace(day=1) - ONE_DAY).replace(day=1)
    query = (
        select(Charge.currency, Charge.charge_on, func.sum(Charge.amount))
        .where(Charge.charge_on.between(begins, month_end(today)), Charge.opening_number.is_(None))
        .group_by(Charge.currency, Charge.charge_on)
    )
    found: dict[str, dict[date, Decimal]] = defaultdict(dict)
    for currency, day, amount in db.session.execute(query):
        found[currency][day] = amount
    return dict(found)
