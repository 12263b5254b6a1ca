"""What was won and lost over a span of days, assignment by assignment."""

from typing import Any

from flask import render_template

from portal.clock import today
from portal.domain.schedule import ONE_DAY
from portal.services.exports import won_and_lost as exports
from portal.services.overview import moved
from portal.services.overview.remembering import Reading
from portal.services.overview.won_and_lost import KINDS
from portal.web.http.errors import problem
from portal.web.http.htmx import fragment, is_htmx
from portal.web.shared.currencies import to_choose_from
from portal.web.shared.exports import FORM, send
from portal.web.shared.lists import ListState, list_state, numbered
from portal.web.shared.remembered import since_when
from portal.web.shared.spans import Span, span_of
from portal.web.won_and_lost import bp

A_PAGE = 50


@bp.get("")
def index() -> Any:
    """The list; a page of it, with the sum of all of it."""
    state, span, currencies = _asked()
    status = 422 if span.problem else 200
    context = {
        "state": state,
        "span": span,
        "kinds": [(kind, kind.capitalize()) for kind in KINDS],
    }
    context |= {"currency": state["currency"], "currencies": [(code, code) for code in currencies]}
    if not span.problem:
        context |= _found(state, span)
    if is_htmx():
        return fragment("won_and_lost/_found.html", status, **context)
    return render_template("won_and_lost/index.html", **context), status


def _found(state: ListState, span: Span) -> dict[str, Any]:
    """What the list shows."""
    reading, asked = Reading(today()), _of(state, span)
    found = moved.moved(reading, asked)
    place = numbered(len(found.ids), A_PAGE)
    return {
        "found": found,
        "rows": found.rows(place.first, place.until),
        "before": asked.before,
        "after": asked.after,
        "numbered": place,
        "added_up": since_when(reading),
    }


@bp.get(f"/list.{FORM}")
def download(form: str) -> Any:
    """All of the list, as a file."""
    state, span, _ = _asked()
    if span.problem:
        return problem(422, span.problem)
    asked, reading = _of(state, span), Reading(today())
    known = moved.moved(reading, asked)
    return send(exports.won_and_lost(asked, moved.find(asked) if reading.late else known), form)


def _asked() -> tuple[ListState, Span, list[str]]:
    """What the address asks for, and the currencies that there are."""
    currencies = to_choose_from()
    state = list_state(moved.SORTS, kind=("", *KINDS), currency=currencies)
    span = span_of(today().replace(day=1), today(), "So far this month")
    return state, span, currencies


def _of(state: ListState, span: Span) -> moved.Asked:
    """Between the end of the day before the span, and its last day."""
    begins, through = span.begins or today(), span.through or today()
    return moved.Asked(state["currency"], begins - ONE_DAY, through, state["kind"], state.sort)
