"""What earns over a span of days: the list of packages, customers or DIDs by what is left of their charges."""

from typing import Any

from flask import render_template

from portal.clock import today
from portal.domain.wording import whole
from portal.services.exports import margins as exports
from portal.services.overview import margins
from portal.services.overview.remembering import Reading
from portal.web.http.errors import problem
from portal.web.http.htmx import fragment, is_htmx
from portal.web.margins import bp
from portal.web.shared.currencies import to_choose_from
from portal.web.shared.exports import FORM, send
from portal.web.shared.lists import ListState, list_state, numbered
from portal.web.shared.remembered import since_when
from portal.web.shared.spans import Span, span_of

A_PAGE = 100
TOO_LONG = f"Choose {whole(margins.DAYS_MOST)} days at most."


@bp.get("")
def index() -> Any:
    """The list; a page of it, with the sums of all of it."""
    state, span, refused, currencies = _asked()
    status = 422 if refused else 200
    context = {"state": state, "span": span, "refused": refused, "by": state["by"]}
    context |= {"currency": state["currency"], "currencies": [(code, code) for code in currencies]}
    if not refused:
        context |= _found(state, span)
    if is_htmx():
        return fragment("margins/_found.html", status, **context)
    return render_template("margins/index.html", **context), status


def _found(state: ListState, span: Span) -> dict[str, Any]:
    """What the list shows."""
    reading = Reading(today())
    found = margins.margins(reading, _to_add_up(state, span))
    place = numbered(len(found.ids), A_PAGE)
    return {
        "found": found,
        "rows": found.rows(state["by"], place.first, place.until),
        "name_of": exports.name_of,
        "numbered": place,
        "added_up": since_when(reading),
    }


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All of the list, as a file."""
    state, span, refused, _ = _asked()
    if refused:
        return problem(422, refused)
    asked = _to_add_up(state, span)
    return send(exports.margins(asked, margins.margins(Reading(today()), asked)), form)


def _asked() -> tuple[ListState, Span, str, list[str]]:
    """What the address asks for, what is wrong with its days, and the currencies that there are."""
    currencies = to_choose_from()
    state = list_state(margins.SORTS, by=margins.BY, currency=currencies)
    span = span_of(today().replace(day=1), today(), "So far this month")
    refused = span.problem
    if (
        not refused
        and span.begins
        and span.through
        and (span.through - span.begins).days >= margins.DAYS_MOST
    ):
        refused = TOO_LONG
    return state, span, refused, currencies


def _to_add_up(state: ListState, span: Span) -> margins.Asked:
    begins, through = span.begins or today(), span.through or today()
    return margins.Asked(state["by"], state["currency"], begins, through, state.sort)
