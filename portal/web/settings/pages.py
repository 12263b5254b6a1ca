"""Settings: who the provider is and how it bills. Everybody of the staff reads them, owners change them."""

from io import BytesIO
from typing import Any

from flask import abort, flash, redirect, render_template, send_file, url_for

from portal.clock import today
from portal.domain.errors import Invalid
from portal.domain.party import Party, checked
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import Company
from portal.models.company import ONLY, company
from portal.services.company.settings import CompanyFields, change_company, change_logo, is_time_zone_fixed
from portal.web.http.access import may_own, require_role
from portal.web.http.locks import lock_or_404
from portal.web.settings import bp
from portal.web.settings.forms import AUDIT_COMMENTS, CompanyForm, LogoForm
from portal.web.shared.fields import put_error


@bp.get("")
def index() -> Any:
    provider = company()
    return _page(provider, CompanyForm(obj=provider) if may_own() else None)


@bp.post("")
@require_role()
def update() -> Any:
    provider = lock_or_404(Company, ONLY)
    form = CompanyForm()
    form.offer_time_zones(provider, is_time_zone_fixed())
    if form.only_shown_anew:
        return _page(provider, form)
    if not form.validate_on_submit():
        return _page(provider, form, 422)
    if form.version.data != provider.version:
        return _page(provider, form, 409, stored=_differences(provider, form.fields))
    try:
        moved = change_company(provider, form.fields, today())
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        return _page(company(), form, 422)
    db.session.commit()
    flash("Saved." + (f" {plural(moved, 'minimum spend')} will be settled on another day." if moved else ""))
    return redirect(url_for(".index"), code=303)


@bp.get("/logo.png")
def logo() -> Any:
    """The logo as it stands on summaries."""
    return logo_file()


def logo_file() -> Any:
    """The provider's logo, where there is one; for whoever may see a summary."""
    picture = company().logo or abort(404)
    return send_file(BytesIO(picture), "image/png")


@bp.post("/logo")
@require_role()
def update_logo() -> Any:
    form = LogoForm()
    form.validate_on_submit()
    try:
        change_logo(lock_or_404(Company, ONLY), form.picture)
    except Invalid as error:
        db.session.rollback()
        put_error(form, error)
        provider = company()
        return _page(provider, CompanyForm(obj=provider), 422, logo_form=form)
    db.session.commit()
    flash("The logo is now printed on every charge summary.")
    return redirect(url_for(".index"), code=303)


@bp.post("/logo/remove")
@require_role()
def remove_logo() -> Any:
    change_logo(lock_or_404(Company, ONLY), None)
    db.session.commit()
    flash("The logo has been removed from charge summaries.")
    return redirect(url_for(".index"), code=303)


def _page(provider: Company, form: CompanyForm | None, status: int = 200, **more: Any) -> Any:
    fixed = is_time_zone_fixed()
    if form:
        form.offer_time_zones(provider, fixed)
        form.version.raw_data, form.version.data = None, provider.version
    context = {
        "form": form,
        "fixed": fixed,
        "provider": provider,
        "logo_form": LogoForm(),
        "asked": AUDIT_COMMENTS,
        **more,
    }
    return render_template("settings/index.html", **context), status


def _differences(provider: Company, typed: CompanyFields) -> list[tuple[str, str]]:
    """What is stored and differs from what was typed, under the labels of the form."""
    form, kept = CompanyForm(), checked(typed.party)
    values = {name: getattr(typed, name) for name in CompanyFields.__dataclass_fields__ if name != "party"}
    values |= {name: getattr(kept, name) for name in Party.__dataclass_fields__}
    return [
        (form[name].label.text, str(getattr(provider, name)) or "nothing")
        for name, value in values.items()
        if str(getattr(provider, name)).split() != str(value).split()
    ]
