"""The calls that a customer's minimum spend, or free minutes, has counted: a page, and the same as a file."""

from typing import Any

from dateutil.relativedelta import relativedelta
from flask import abort, request

from portal.clock import today
from portal.models import Customer
from portal.services.calls import counted
from portal.services.calls.counted import Counting
from portal.services.calls.lists import numbers_of_dids
from portal.services.exports import calls as exports
from portal.web.http.bounds import row_id
from portal.web.http.errors import problem
from portal.web.my.pages import drawn, for_both
from portal.web.shared.exports import FORM, send
from portal.web.shared.spans import Span, span_of


@for_both("/calls/<counting>", "calls")
def calls(customer: Customer, counting: str) -> Any:
    """The calls of a span of days, and what they come to."""
    of, span = _asked(customer, counting)
    sum_ = counted.sum_of(of)
    after, before = (request.args.get(name, type=row_id) for name in ("after", "before"))
    page = counted.counted_page(of, sum_.calls, after, before)
    return drawn(
        "my/calls.html",
        422 if span.problem else 200,
        of=of,
        span=span,
        sum=sum_,
        page=page,
        parts=counted.parts_of(of, page.rows),
        dids=numbers_of_dids(page.rows),
        charge=None if of.is_free else counted.charge_of(of),
        counting=counting,
    )


@for_both(f"/calls/<counting>/calls.{FORM}", "calls_file")
def calls_file(customer: Customer, counting: str, form: str) -> Any:
    """All of them as a file."""
    of, span = _asked(customer, counting)
    return problem(422, span.problem) if span.problem else send(exports.counted(of), form)


def _asked(customer: Customer, key: str) -> tuple[Counting, Span]:
    """What the address asks for: an assignment of theirs, and days; without any, those of this month."""
    assignment = counted.assignment_of(customer.id, key) or abort(404)
    first = today().replace(day=1)
    span = span_of(first, first + relativedelta(months=1, days=-1))
    assert span.begins and span.through
    return Counting(assignment, span.begins, span.through), span
