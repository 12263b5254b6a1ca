"""The charge summary of a customer, on screen and, from the same page, on paper."""

from datetime import date
from io import BytesIO
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import render_template, request, send_file

from portal.clock import today
from portal.domain.schedule import ONE_DAY
from portal.extensions import db
from portal.models import Customer
from portal.models.company import company
from portal.services.summary import for_paper, paper, summary
from portal.services.summary.paying import how_to_pay
from portal.web.http.errors import problem
from portal.web.shared.spans import span_of
from portal.web.summary import bp

# Charges, assignments and balance entries that a page shows: the first of each. Its totals are of all, and so is the
# PDF; more than these take longer than anybody waits for a page.
LINES_SHOWN = 200


@bp.get("/customers/<int:customer_id>/summary")
def show(customer_id: int) -> Any:
    """What was charged from a day to a day; without them, in this month."""
    customer = db.get_or_404(Customer, customer_id)
    day = today()
    span = span_of(*_this_month())
    assert span.begins and span.through
    found = summary(customer, span.begins, span.through, day, LINES_SHOWN)
    context = {
        "customer": customer,
        "span": span,
        "summary": found,
        "pay": how_to_pay(customer, found.account.now.to_pay),
        "today": day,
    }
    return render_template("summary/show.html", **context), 422 if span.problem else 200


@bp.get("/customers/<int:customer_id>/summary.pdf")
def download(customer_id: int) -> Any:
    """The same summary as PDF."""
    customer = db.get_or_404(Customer, customer_id)
    return as_pdf(customer, request.args.get("paper", ""))


def as_pdf(customer: Customer, size: str) -> Any:
    """The summary that the address asks for, as a file that is downloaded, or `shown`, to be printed."""
    span = span_of(*_this_month())
    if span.problem or not (span.begins and span.through):
        return problem(422, span.problem)
    found = for_paper(customer, span.begins, span.through, today())
    made = paper.pdf(found, company(), today(), size if size in paper.PAPERS else "a4")
    return sent(made, paper.file_name(found))


def sent(made: bytes, name: str) -> Any:
    """A PDF: a file that is downloaded, or `shown` where somebody prints it."""
    is_file = not request.args.get("shown")
    return send_file(BytesIO(made), "application/pdf", as_attachment=is_file, download_name=name)


def _this_month() -> tuple[date, date]:
    """Its first day and its last."""
    first = today().replace(day=1)
    return first, first + relativedelta(months=1) - ONE_DAY
