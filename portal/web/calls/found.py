"""Calls that staff look for: by number, customer and day; and the same as a file."""

from typing import Any

from flask import render_template, request

from portal.clock import today
from portal.services.calls import lists as call_list
from portal.services.calls.lists import Asked
from portal.services.dids.dids import countries_in_use
from portal.services.exports import calls as exports
from portal.web.calls import bp
from portal.web.calls.forms import FindForm
from portal.web.calls.pages import DAYS_SHOWN
from portal.web.http.bounds import row_id
from portal.web.shared.exports import FORM, send
from portal.web.shared.spans import Span, span_of


@bp.get("/calls/found")
def found() -> Any:
    form, span, asked = _asked()
    if asked is None:
        return _page(form, span, 422)
    after, before = (request.args.get(name, type=row_id) for name in ("after", "before"))
    page = call_list.found_page(asked, after, before)
    dids = call_list.numbers_of_dids(page.rows)
    return _page(form, span, page=page, dids=dids)


@bp.get(f"/calls/found.{FORM}")
def download(form: str) -> Any:
    """All that the list finds, as a file."""
    typed, span, asked = _asked()
    return _page(typed, span, 422) if asked is None else send(exports.found_calls(asked), form)


def _asked() -> tuple[FindForm, Span, Asked | None]:
    """What the address asks for; None where it cannot be read, and the form says why."""
    form = FindForm(request.args, meta={"csrf": False})
    span = span_of(today() - DAYS_SHOWN, today(), "Last 30 days")
    if not form.validate() or span.problem:
        return form, span, None
    customer = form.customer.customer
    number = (form.number.data or "").strip()
    customer_id = customer.id if customer else None
    countries = tuple(countries_in_use()) if number else ()
    return form, span, Asked(number, customer_id, span.begins, span.through, countries)


def _page(form: FindForm, span: Span, status: int = 200, page: Any = None, **more: Any) -> Any:
    asked = {
        name: request.args[name] for name in ("number", "customer", "from", "to") if request.args.get(name)
    }
    return render_template("calls/found.html", form=form, span=span, page=page, asked=asked, **more), status
