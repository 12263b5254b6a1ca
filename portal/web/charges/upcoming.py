"""Upcoming charges, for everyone or for one customer, over any span: what runs will post, and why."""

from datetime import date
from typing import Any

from flask import Blueprint, render_template

from portal.clock import today
from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import Customer
from portal.services.charges.explaining import explained
from portal.services.exports import upcoming as exports
from portal.services.runs.reports import customer_names
from portal.services.runs.upcoming import upcoming
from portal.web.http.errors import problem
from portal.web.shared.exports import FORM, send
from portal.web.shared.spans import Span, span_of

bp = Blueprint("upcoming", __name__)

DAYS_AHEAD, DAYS_AHEAD_OF_ONE = 30, 364


@bp.get(f"/charges/upcoming.{FORM}")
@bp.get(f"/customers/<int:customer_id>/upcoming.{FORM}")
def download(form: str, customer_id: int | None = None) -> Any:
    """All that the page would show, however much, as a file."""
    _, day, span = _asked(customer_id)
    if span.problem:
        return problem(422, span.problem)
    assert span.begins and span.through
    return send(exports.upcoming(span.begins, span.through, day, customer_id), form)


def _asked(customer_id: int | None) -> tuple[Customer | None, date, Span]:
    customer = db.get_or_404(Customer, customer_id) if customer_id is not None else None
    day = today()
    ahead, words = (DAYS_AHEAD_OF_ONE, "A year ahead") if customer else (DAYS_AHEAD, "Next 30 days")
    return customer, day, span_of(day, min(day + ONE_DAY * ahead, LAST_DAY), words, ahead=True)


@bp.get("/charges/upcoming")
@bp.get("/customers/<int:customer_id>/upcoming")
def index(customer_id: int | None = None) -> Any:
    """By day, with what each day comes to; for a customer, a year of it."""
    customer, day, span = _asked(customer_id)
    assert span.begins and span.through
    found = upcoming(span.begins, span.through, day, customer_id)
    told = iter(explained(list(found.lines)))
    status = 422 if span.problem else 200
    return render_template(
        "upcoming/index.html",
        customer=customer,
        span=span,
        found=found,
        days=[(of, [next(told) for _ in of.lines]) for of in found.days],
        customers=customer_names(list(found.lines)) if not customer else {},
        today=day,
    ), status
