"""ConnexCS packages: the list of platform services the provider keeps, edited in its rows."""

from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_wtf import FlaskForm
from sqlalchemy.orm.exc import StaleDataError
from wtforms import HiddenField, StringField

from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import ConnexcsPackage
from portal.services.listing import page
from portal.services.packages import connexcs
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import commit, lock_or_404
from portal.web.shared.fields import Required, put_error

bp = Blueprint("connexcs_packages", __name__, url_prefix="/connexcs-packages")


class ServiceForm(FlaskForm):
    """The name of a platform service, as the platform calls it."""

    name = StringField("Name", [Required("Enter the name that the ConnexCS package has on the platform.")])
    version = HiddenField()


@bp.context_processor
def _place() -> dict[str, str]:
    return {"place": "settings"}


@bp.get("")
def index() -> Any:
    return _list()


def _list(status: int = 200, form: ServiceForm | None = None, **more: Any) -> Any:
    """The list; `editing` is a service whose row is open."""
    found = page(
        connexcs.find_connexcs_packages(request.args.get("q", "")[:120]),
        connexcs.BY_NAME,
        request.args.get("after", type=row_id),
        request.args.get("before", type=row_id),
    )
    context = {
        "found": found,
        "counts": connexcs.counts_of_packages([service.id for service in found.rows]),
        "form": form or ServiceForm(formdata=None),
        "editing": None,
        **more,
    }
    if is_htmx():
        return fragment("connexcs_packages/_found.html", status, **context)
    return render_template("connexcs_packages/index.html", **context), status


@bp.post("")
def create() -> Any:
    form = ServiceForm()
    try:
        if not form.validate():
            return _list(422, form)
        service = connexcs.add_connexcs_package(form.name.data or "")
        db.session.commit()
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _list(422, form)
    flash(f"Added {service.name}.")
    return _list() if is_htmx() else see_other(url_for(".index"))


@bp.post("/known")
def add_known() -> Any:
    """Add the names that providers know, those that are not there yet."""
    connexcs.seed_connexcs_packages()
    db.session.commit()
    flash("Added the known services of the platform.")
    return _list() if is_htmx() else see_other(url_for(".index"))


@bp.get("/<int:service_id>/row")
def row(service_id: int) -> Any:
    service = db.get_or_404(ConnexcsPackage, service_id)
    return _row(service) if is_htmx() else see_other(url_for(".index"))


@bp.get("/<int:service_id>/row/edit")
def edit_row(service_id: int) -> Any:
    service = db.get_or_404(ConnexcsPackage, service_id)
    return _editing(service, ServiceForm(formdata=None, obj=service))


@bp.post("/<int:service_id>/row")
def update_row(service_id: int) -> Any:
    service = lock_or_404(ConnexcsPackage, service_id)
    form = ServiceForm()
    if not form.validate():
        return _editing(service, form, 422)
    if form.version.data != str(service.version):
        return _editing(service, form, 409, stale=True)
    try:
        connexcs.rename_connexcs_package(service, form.name.data or "")
        commit()
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _editing(service, form, 422)
    except StaleDataError:
        db.session.rollback()
        return _editing(db.get_or_404(ConnexcsPackage, service_id), form, 409, stale=True)
    flash(f"Saved {service.name}.")
    return _row(service) if is_htmx() else see_other(url_for(".index"))


@bp.post("/<int:service_id>/delete")
def delete(service_id: int) -> Any:
    service = lock_or_404(ConnexcsPackage, service_id)
    connexcs.delete_connexcs_package(service)
    db.session.commit()
    flash(f"Deleted {service.name}.")
    return _list() if is_htmx() else see_other(url_for(".index"))


def _row(service: ConnexcsPackage) -> Response:
    counts = connexcs.counts_of_packages([service.id])
    return fragment("connexcs_packages/_row.html", service=service, counts=counts)


def _editing(service: ConnexcsPackage, form: ServiceForm, status: int = 200, **more: Any) -> Any:
    """The open row: by itself, or in the list, as it was asked for."""
    form.version.data = str(service.version)
    counts = connexcs.counts_of_packages([service.id])
    if is_htmx():
        context = {"service": service, "edit_form": form, "counts": counts, **more}
        return fragment("connexcs_packages/_edit_row.html", status, **context)
    return _list(status, editing=service, edit_form=form, **more)
