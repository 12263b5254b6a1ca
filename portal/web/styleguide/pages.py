"""Every component in every state on one page, drawn by the macros and styles that all pages are drawn by.

What is shown is made up here; how it looks is nowhere but in the portal's own templates and styles.
"""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from flask import abort, current_app, render_template, url_for

from portal.clock import today
from portal.config import DEMO
from portal.domain.errors import WayOut
from portal.domain.schedule import ONE_DAY
from portal.services.overview.due import DayDue, month_end
from portal.services.overview.history import History, Month
from portal.services.overview.won_and_lost import month_before
from portal.web.overview import charts, pages
from portal.web.overview.to_do import Row, ToDo
from portal.web.styleguide import bp
from portal.web.styleguide.forms import Fields

CURRENCY = "GBP"
# Every kind of mark, in the words of pages where templates/_mark.html has none of its own.
MARKS = {
    "active": "", "later": "", "upcoming": "", "posted": "", "simulated": "", "paid": "", "credit": "", "owed": "",
    "held": "", "locked": "", "below": "", "failed": "failed", "due": "due today", "reversed": "",
    "ended": "", "archived": "",
}  # fmt: skip


@bp.get("")
def show() -> str:
    """All of them, for whoever makes a page in demo mode; elsewhere there is no such page."""
    if current_app.config["MODE"] != DEMO:
        abort(404)
    day = today()
    return render_template(
        "styleguide/show.html",
        marks=MARKS,
        empty=_fields("empty"),
        filled=_fields("filled", name="SIP Trunk 10", retail=Decimal("24.5"), starts=day, match=[1, 4], minimum=True),
        wrong=_wrong(),
        way=WayOut("Set the end date to 20 January", "packages.index"),
        span=_refused_span(),
        **_of_the_overview(day),
    )  # fmt: skip


def _fields(prefix: str, **data: Any) -> Fields:
    return Fields(formdata=None, prefix=prefix, data=data, meta={"csrf": False})


def _wrong() -> Fields:
    form = _fields("wrong", simulate="yes")
    for field, said in (
        (form.name, "Give it a name."),
        (form.retail, "Enter a number, such as 25.00."),
        (form.starts, "Enter a day, such as 2026-11-30."),
        (form.frequency, "Choose a frequency."),
        (form.match, "Choose at least one day."),
        (form.minimum, "Minimum spend and free minutes exclude each other."),
        (form.description, "Use 500 characters at most."),
    ):
        field.errors = [said]
    return form


def _refused_span() -> SimpleNamespace:
    typed = {"typed_from": "2026-11-30", "typed_to": "2026-11-01"}
    return SimpleNamespace(choices=[], chosen=None, problem="To is before From.", **typed)


def _of_the_overview(day: date) -> dict[str, Any]:
    """What the parts of the overview are drawn from."""
    first, last, since = day.replace(day=1), month_end(day), month_before(day)
    charged = {since.replace(day=1): Decimal(3000), since: Decimal(900), first: Decimal(3400)}
    to_come = {last: Decimal(600)}
    due = [
        DayDue(
            day + place * ONE_DAY, place % 3, Decimal(place % 3 * (40 + 9 * place)), Decimal(0), Decimal(0)
        )
        for place in range(30)
    ]
    to = url_for("overview.show")
    rows = [
        Row(
            mark,
            words or mark,
            "Northwind Telecom",
            "and one sentence that says what it is.",
            amount="−145.57 GBP",
            to=to,
        )
        for mark, words in (("failed", "no run"), ("held", ""), ("owed", "overdue"), ("below", "below limit"))
    ]
    return {
        "today": day,
        "since": since,
        "currency": CURRENCY,
        "month": Month(first, is_running=True),
        "lines": charts.months(charged, to_come, day, last),
        "history": History(CURRENCY, first, [], since, []),
        "due": SimpleNamespace(is_whole=True),
        "days": pages.days_of(due, CURRENCY),
        "to_do": ToDo(Row("due", "due today", "53 charges", "to post", amount="458.26 GBP", to=to), rows[:2], rows[2:],
                      "1 overdue and 1 below the limit", []),
    }  # fmt: skip
