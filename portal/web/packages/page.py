"""One package's page: what it is, what holds from when, who has it, and what can be done with it."""

from datetime import date
from typing import Any

from flask import flash, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.clock import today
from portal.domain.errors import Invalid
from portal.domain.schedule import ONE_DAY
from portal.domain.wording import long_day
from portal.extensions import db
from portal.models import Package
from portal.services import deletion
from portal.services.corrections import made as corrections
from portal.services.listing import page
from portal.services.overview.of_package import figures_of
from portal.services.overview.remembering import Reading
from portal.services.packages import figures as package_figures
from portal.services.packages import history as package_history
from portal.services.packages.catalogue import default_currency
from portal.services.packages.changes import drop_planned, planned_days
from portal.services.packages.definition import DATED, FIELDS, definition_of, labelled
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import commit, lock_or_404
from portal.web.packages import bp
from portal.web.shared.remembered import since_when

# With more assignments than this, counting and adding them up does not hold up the page.
MANY = 1000
DAYS_SHOWN = 6
# So many rows a section, so that it is a screen.
SHOWN = 25
# The page is headed by the name, and says the schedule in a sentence.
OTHERS = [name for name in FIELDS if name not in ("name", *DATED)]


@bp.get("/<int:package_id>")
def show(package_id: int) -> Any:
    package, day = db.get_or_404(Package, package_id), today()
    many = package_figures.assigned_to([package_id], day, MANY)[package_id] > MANY
    assigned = page(
        package_history.assignments_of(package, day, request.args.get("state", package_history.IN_FORCE)),
        package_history.HOLDERS,
        request.args.get("after", type=row_id),
        request.args.get("before", type=row_id),
        SHOWN,
        MANY if many else None,
    )
    context: dict[str, Any] = {
        "assigned": assigned,
        "many": many,
        "MANY": MANY,
        "today": day,
    }
    if is_htmx():
        return fragment("packages/_assigned.html", package=package, **context)
    return render_template(
        "packages/show.html",
        **context,
        **({"schedule": package.schedule_on(day), **_frame(package)} if many else _figures(package)),
        details=labelled(definition_of(package, day), OTHERS),
    )


@bp.get("/<int:package_id>/prices")
def prices(package_id: int) -> Any:
    """What the package costs, in every currency and from which day on."""
    package, day = db.get_or_404(Package, package_id), today()
    return render_template(
        "packages/prices.html",
        **_frame(package),
        prices=package_history.price_list(package, day),
        corrections=corrections.of_package(package),
        schedules=package_history.schedules(package, day),
        planned=planned_days(package, day),
        one_day=ONE_DAY,
    )


@bp.get("/<int:package_id>/figures")
def figures(package_id: int) -> Any:
    """What the package brings in; for htmx the facts alone, which take a moment where very many have it."""
    package = db.get_or_404(Package, package_id)
    template = "packages/_facts.html" if is_htmx() else "packages/figures.html"
    show = fragment if is_htmx() else render_template
    return show(template, **_figures(package))


def _frame(package: Package) -> dict[str, Any]:
    """What stands around each section: the package, and where it is sold below cost."""
    prices = {code: package.price_on(code, today()) for code in package.currencies}
    below = [code for code, price in prices.items() if price and price.retail < price.cost]
    return {"package": package, "below_cost": below}


def _figures(package: Package) -> dict[str, Any]:
    day, reading = today(), Reading(today())
    found = figures_of(reading, package, DAYS_SHOWN + 1)
    next_days, more_days = found.next_days[:DAYS_SHOWN], len(found.next_days) > DAYS_SHOWN
    code = default_currency()
    return _frame(package) | {
        "price": package.price_on(
            code if code in package.currencies else "".join(package.currencies[:1]), day
        ),
        "brings": next(
            (sums for sums in found.monthly if sums.holding.currency == code),
            max(found.monthly, key=lambda sums: sums.holding.assignments, default=None),
        ),
        "monthly": found.monthly,
        "added_up": since_when(reading),
        "next_days": next_days,
        "more_days": more_days,
        "later_days": package_figures.schedule_days(package, day, next_days[-1][0]) if next_days else [],
        "schedule": package.schedule_on(day),
    }


@bp.route("/<int:package_id>/delete", methods=["GET", "POST"])
def delete(package_id: int) -> Any:
    if request.method == "POST":
        package = lock_or_404(Package, package_id)
        deletion.delete_package(package)
        db.session.commit()
        flash(f"Deleted {package.name}.")
        return see_other(url_for(".index"))
    package = db.get_or_404(Package, package_id)
    context: dict[str, Any] = {"package": package, "refusal": deletion.why_not_delete_package(package)}
    if is_htmx():
        return fragment("packages/_delete.html", **context)
    return render_template("packages/delete.html", **context)


@bp.post("/<int:package_id>/archive")
def archive(package_id: int) -> AnyResponse:
    package = lock_or_404(Package, package_id)
    deletion.archive_package(package, today())
    commit()
    flash(f"Archived {package.name}. Existing assignments continue and are charged.")
    return see_other(url_for(".show", package_id=package_id))


@bp.post("/<int:package_id>/restore")
def restore(package_id: int) -> AnyResponse:
    package = lock_or_404(Package, package_id)
    deletion.restore_package(package)
    commit()
    flash(f"{package.name} is on sale again.")
    return see_other(url_for(".show", package_id=package_id))


@bp.post("/<int:package_id>/planned/delete")
def delete_planned(package_id: int) -> AnyResponse:
    package = lock_or_404(Package, package_id)
    day = _day(request.form.get("effective_from", ""))
    drop_planned(package, day, today())
    db.session.commit()
    flash(f"Removed what was planned from {long_day(day)}.")
    return see_other(url_for(".prices", package_id=package_id))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("effective_from", "Effective from is not a valid date.") from None
