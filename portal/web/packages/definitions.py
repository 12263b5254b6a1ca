"""What a package is: the form that makes, changes and copies one, and shows what it would charge."""

from dataclasses import replace
from typing import Any

from flask import flash, render_template, request, url_for
from sqlalchemy.orm.exc import StaleDataError

from portal.clock import now, today
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import ConnexcsPackage, Package
from portal.services.calls import destinations
from portal.services.packages import catalogue as packages
from portal.services.packages.changes import Fixed, earliest_day, make_change, plan_change, planned_days
from portal.services.packages.definition import (
    FIELDS,
    FIXED,
    NAME_LONGEST,
    PRICE_LABELS,
    Definition,
    PriceSet,
    definition_of,
    labelled,
    tidied,
)
from portal.services.packages.impact import impact_of
from portal.services.packages.year import year_ahead
from portal.web.http.access import changes_nothing
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_chosen, lock_or_404
from portal.web.packages.forms import PackageForm
from portal.web.packages.list import saved
from portal.web.packages.page import bp
from portal.web.shared.fields import put_error, shown

# The same blueprint as the list's: to whoever links here, all of it is packages.
__all__ = ["bp"]


# -- a new one


@bp.get("/new")
def new() -> Any:
    return _editor(PackageForm(price_sets=(PriceSet(packages.default_currency()),), formdata=None))


@bp.post("")
def create() -> Any:
    lock_chosen(ConnexcsPackage, "connexcs_package")
    form = PackageForm()
    if form.rearrange():
        return _editor(form)
    definition = form.accepted()
    if definition is None:
        return _editor(form, status=422)
    try:
        package = packages.create_package(definition, token=form.token.data, now=now())
        db.session.commit()
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _editor(form, status=422)
    flash(f"Added {package.name}.")
    return see_other(url_for(".show", package_id=package.id))


@bp.route("/<int:package_id>/copy", methods=["GET", "POST"])
@changes_nothing
def copy(package_id: int) -> Any:
    """A form for a new package: as this one is stored, or as somebody has typed it."""
    package = db.get_or_404(Package, package_id)
    form = PackageForm() if request.method == "POST" else None
    definition = form.definition() if form else definition_of(package, today())
    name = f"{definition.name} (copy)"[:NAME_LONGEST]
    return _editor(PackageForm.of(replace(definition, name=name)), copied=package)


# -- one that is stored


@bp.get("/<int:package_id>/edit")
def edit(package_id: int) -> Any:
    package = db.get_or_404(Package, package_id)
    day = earliest_day(package, today())
    return _editor(PackageForm.of(definition_of(package, day), effective_from=day), package)


@bp.post("/<int:package_id>")
def update(package_id: int) -> Any:
    package = lock_or_404(Package, package_id)
    lock_chosen(ConnexcsPackage, "connexcs_package")
    form = PackageForm()
    if form.rearrange():
        return _editor(form, package)
    if form.is_stale(package.version):
        return _conflict(form, package)
    definition = form.accepted()
    if definition is None:
        return _editor(form, package, 422)
    try:
        return _save(form, package, definition)
    except Fixed as refusal:
        return _editor(form, package, 409, refusal=refusal)
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _editor(form, package, 422)
    except StaleDataError:
        db.session.rollback()
        return _conflict(form, db.get_or_404(Package, package_id))


def _save(form: PackageForm, package: Package, definition: Definition) -> Any:
    """Save a change, once it was seen whom it hits."""
    impact = impact_of(plan_change(package, definition, form.effective_from.data, today()))
    if impact.is_seen_first and form.confirmed.data != impact.fingerprint:
        form.confirmed.data = impact.fingerprint
        return _editor(form, package, impact=impact)
    make_change(impact.change)
    db.session.commit()
    flash(saved(impact))
    return see_other(url_for(".show", package_id=package.id))


def _conflict(form: PackageForm, package: Package) -> Any:
    """Somebody saved meanwhile: what is stored stands beside what was typed, and nothing typed is lost."""
    form.validate()
    stored = definition_of(package, earliest_day(package, today()))
    return _editor(form, package, 409, stored=_stored(form, stored), stale=True)


def _stored(form: PackageForm, stored: Definition) -> dict[str, str]:
    """What is stored, in words, for each field that says something else."""
    typed = tidied(form.definition())
    found = {
        field.input: field.words(getattr(stored, name))
        for name, field in FIELDS.items()
        if getattr(typed, name) != getattr(stored, name)
    }
    for prices in form.price_sets:
        was = stored.price_in(prices.currency.data)
        for name in PRICE_LABELS if was else ():
            if prices[name].data != getattr(was, name):
                found[prices[name].id] = shown(getattr(was, name))
    return {name: f"Stored now: {text}" for name, text in found.items()}


# -- the form, and what it would charge


@bp.post("/preview")
@changes_nothing
def preview() -> Any:
    form = PackageForm()
    context = {"form": form, **_shown(form, request.args.get("package", type=row_id))}
    if is_htmx():
        return fragment("packages/_year.html", **context)
    return render_template("packages/year.html", **context)


def _shown(form: PackageForm, package_id: int | None) -> dict[str, Any]:
    """The year ahead, a package of the same name, and whether the number somebody tries is one Destination means."""
    year = year_ahead(form.definition(), today(), packages.default_currency())
    return {"year": year, "namesake": packages.namesake(form.name.data or "", package_id), **_tried(form)}


def _tried(form: PackageForm) -> dict[str, Any]:
    """Whether the number somebody tries is one that Destination means."""
    number = form.try_number.data or ""
    try:
        covered = destinations.matches((form.destination.data or "").strip(), number) if number else None
    except Invalid as problem:
        return {"tried": number, "pattern_problem": problem.sentence}
    return {"tried": number, "covered": covered}


def _editor(form: PackageForm, package: Package | None = None, status: int = 200, **more: Any) -> Any:
    """The form: by itself, or on its page, as it was asked for."""
    if package and (request.method == "GET" or "stale" in more):  # else what the form was opened with
        form.version.data = str(package.version)
    if "impact" not in more:
        form.confirmed.data = ""
    fixed = bool(package and packages.was_assigned(package)) and "refusal" not in more
    if fixed and package and package.schedules:
        form.keep_frequency(package.recurs)
    context = {
        "form": form,
        "package": package,
        "fixed": fixed,
        "fixed_words": labelled(form.definition(), FIXED) if fixed else [],
        "earliest": earliest_day(package, today()) if package else None,
        "planned": planned_days(package, today()) if package else [],
        "today": today(),
        "stored": {},
        **more,
    }
    if is_htmx():
        return fragment("packages/_form.html", status, **context)
    context |= _shown(form, package.id if package else None)
    return render_template("packages/form.html", **context), status
