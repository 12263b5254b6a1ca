"""The charge summary of a customer, on screen and, from the same page, on paper."""

from datetime import date
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import Blueprint, render_template

from portal.clock import today
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Customer
from portal.services.summary import summary
from portal.web.spans import span_of

bp = Blueprint("summary", __name__)


@bp.get("/customers/<int:customer_id>/summary")
def show(customer_id: int) -> Any:
    """What was charged from a day to a day; without them, in this month."""
    customer = db.get_or_404(Customer, customer_id)
    day = today()
    months = _months(day)
    span = span_of(*months["This month"])
    assert span.begins and span.through
    found = summary(customer, span.begins, span.through)
    context = {"customer": customer, "span": span, "summary": found, "today": day, "spans": months}
    return render_template("summary/show.html", **context), 422 if span.problem else 200


def _months(day: date) -> dict[str, tuple[date, date]]:
    """Spans that are asked for often."""
    first = day.replace(day=1)
    month, year = relativedelta(months=1), relativedelta(years=1)
    return {
        "Last month": (first - month, first - ONE_DAY),
        "This month": (first, first + month - ONE_DAY),
        "This year": (first.replace(month=1), first.replace(month=1) + year - ONE_DAY),
    }
