"""Assigning a package: the form, what it would bring while it is filled, and doing it once."""

from dataclasses import dataclass
from typing import Any

from flask import flash, render_template, request, url_for
from flask_security import current_user

from portal.clock import now, today
from portal.domain.errors import Invalid, NotAssignable, RuleBroken, WayOut
from portal.domain.phone_numbers import international
from portal.extensions import db
from portal.models import Customer, Did, Package
from portal.services.assignments import assigning
from portal.services.assignments.assigning import AsksFirst, Draft
from portal.services.assignments.bundles import overlaps
from portal.services.assignments.preview import Outlook, outlook
from portal.services.once import AlreadySent
from portal.web.assignments import bp
from portal.web.assignments.forms import AssignmentForm
from portal.web.assignments.section import around, changed_section, of_did
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.locks import lock_chosen, lock_or_404
from portal.web.shared.fields import put_error


@dataclass(frozen=True, slots=True)
class Place:
    """Whom a package is assigned to: a customer, or a DID of a customer."""

    customer: Customer
    did: Did | None

    @property
    def name(self) -> str:
        """How a heading names it."""
        return international(self.did.number) if self.did else self.customer.name

    def url(self, view: str) -> str:
        """One of the addresses of assigning here: new, draft, create."""
        if self.did:
            return url_for(f"assignments.{view}", did_id=self.did.id)
        return url_for(f"assignments.{view}", customer_id=self.customer.id)

    @property
    def home(self) -> str:
        """The page of the customer or the DID."""
        if self.did:
            return url_for("dids.show", did_id=self.did.id)
        return url_for("customers.show", customer_id=self.customer.id)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the fragment beside the form says: what follows, or why nothing can be said."""

    form: AssignmentForm
    draft: Draft | None = None
    outlook: Outlook | None = None
    refusal: NotAssignable | None = None

    @property
    def overlaps(self) -> list[str]:
        """Bundles of free minutes that cover some of the same calls, each in a sentence."""
        return [overlap.words for overlap in overlaps([self.draft])] if self.draft else []


def _place(customer_id: int | None, did_id: int | None, *, to_change: bool = False) -> Place:
    """Where to assign; `to_change`: locked and read anew."""
    did = None
    if did_id is not None:
        did = lock_or_404(Did, did_id, shared=True) if to_change else db.get_or_404(Did, did_id)
    owner_id = customer_id if did is None else did.customer_id
    if to_change and owner_id is not None:
        lock_or_404(Customer, owner_id)
    if did is None:
        return Place(db.get_or_404(Customer, customer_id), None)
    if did.customer is None:
        raise RuleBroken(
            f"{international(did.number)} is in stock. Give it to a customer before assigning a package to it.",
            WayOut("Choose its customer", "dids.show", {"did_id": did.id}),
        )
    return Place(did.customer, did)


@bp.get("/customers/<int:customer_id>/assignments/new")
@bp.get("/dids/<int:did_id>/assignments/new")
def new(customer_id: int | None = None, did_id: int | None = None) -> Any:
    """The form; what its address names is filled in, and what that would bring stands beside it."""
    place = _place(customer_id, did_id)
    return _form(place, _typed(place))


@bp.get("/customers/<int:customer_id>/assignments/draft")
@bp.get("/dids/<int:did_id>/assignments/draft")
def draft(customer_id: int | None = None, did_id: int | None = None) -> Any:
    """What would be charged, while the form is filled."""
    place = _place(customer_id, did_id)
    form = _typed(place)
    seen = _foresee(place, form)
    return (
        fragment("assignments/_foreseen.html", target=place, seen=seen, form=form, today=today())
        if is_htmx()
        else _form(place, form, seen=seen)
    )


@bp.post("/customers/<int:customer_id>/assignments")
@bp.post("/dids/<int:did_id>/assignments")
def create(customer_id: int | None = None, did_id: int | None = None) -> Any:
    place = _place(customer_id, did_id, to_change=True)
    lock_chosen(Package, "package")
    form = AssignmentForm(place.customer.currency)
    try:
        wanted = form.draft(place.customer, place.did)
        if wanted is None:
            return _form(place, form, 422)
        made = assigning.assign(
            wanted,
            token=form.token.data,
            by=current_user.email,
            now=now(),
            twice=bool(form.twice.data),
        )
    except (AsksFirst, NotAssignable, AlreadySent) as refusal:
        db.session.rollback()
        return _form(place, form, 409, refusal)
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _form(place, form, 422)
    db.session.commit()
    told = [overlap.words for overlap in overlaps([made])]
    flash(" ".join([f"Assigned {made.package.name} to {place.name}.", *told]))
    if is_htmx():
        section = of_did(place.did) if place.did else around(place.customer, made.package_id)
        return changed_section(section)
    return see_other(place.home)


def _typed(place: Place) -> AssignmentForm:
    """The form as an address names its fields: all, some, or none of them."""
    form = AssignmentForm(place.customer.currency, formdata=request.args or None, meta={"csrf": False})
    if "start_date" not in request.args:
        form.start_date.data = today()
    charge_from = request.args.get("charge_from_day")
    if charge_from is not None:
        _put(form.charge_from, charge_from)
    return form


def _put(field: Any, text: str) -> None:
    """Let a button's day stand in a field as if it had been typed there."""
    field.raw_data, field.process_errors = [text], []
    try:
        field.process_formdata([text])
    except ValueError as problem:
        field.process_errors.append(str(problem))


def _foresee(place: Place, form: AssignmentForm) -> Foreseen:
    """What the fragment says. A field that is wrong says so, once somebody is done with it."""
    if not form.is_filled:
        return Foreseen(form)
    try:
        wanted = form.draft(place.customer, place.did)
        return Foreseen(form, wanted, outlook(wanted, today())) if wanted else Foreseen(form)
    except NotAssignable as refusal:
        return Foreseen(form, refusal=refusal)


def _form(
    place: Place, form: AssignmentForm, status: int = 200, refusal: RuleBroken | None = None, **more: Any
) -> Any:
    """The form in the page's dialog or on a page of its own, as it was typed."""
    seen = more.get("seen") or _foresee(place, _copy(place, form) if status != 200 else form)
    if status == 200 and not request.args:
        for field in form:
            field.errors = []
    template = "assignments/_new.html" if is_htmx() else "assignments/new.html"
    context = {"target": place, "form": form, "seen": seen, "refusal": refusal, "today": today()}
    if is_htmx():
        return fragment(template, status, **context)
    return render_template(template, **context), status


def _copy(place: Place, form: AssignmentForm) -> AssignmentForm:
    """The same form, so that looking ahead says nothing twice at its fields."""
    return AssignmentForm(place.customer.currency, formdata=request.form, meta={"csrf": False})
