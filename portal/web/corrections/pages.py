"""Correcting back to a day, for a package or for chosen assignments: asked, previewed, posted, told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, render_template, request, url_for
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import day, plural, price_in
from portal.extensions import db
from portal.models import Assignment, Charge, Correction, Package
from portal.services.chunks import in_chunks
from portal.services.corrections import made as corrections
from portal.services.corrections import mails
from portal.services.corrections.planning import Plan, plan
from portal.services.corrections.posting import Changed, already_right, post
from portal.services.corrections.wanted import Whose
from portal.services.packages import catalogue as packages
from portal.services.packages.definition import PRICE_LABELS
from portal.web.assignments.many import chosen, home_of_many, packed, unpacked
from portal.web.corrections import bp
from portal.web.corrections.forms import CorrectionForm, planned
from portal.web.http.access import changes_nothing, may_own
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx, see_other
from portal.web.http.links import link
from portal.web.shared.fields import put_error

NAMED = 100


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose terms are corrected: a package's, or those of assignments."""

    whose: Whose
    assignments: Sequence[Assignment] = ()

    @property
    def words(self) -> str:
        """Whose, for the heading."""
        if self.whose.package:
            return self.whose.package.name
        if len(self.assignments) == 1:
            (one,) = self.assignments
            return f"{one.package.name} of {one.customer.name}"
        return plural(len(self.assignments), "assignment")

    @property
    def ids(self) -> str:
        """The assignments as a form carries them."""
        return packed(self.whose.assignment_ids)

    @property
    def currencies(self) -> list[str]:
        """The currencies that they are charged in: the provider's first."""
        found = (
            self.whose.package.currencies
            if self.whose.package
            else sorted({one.customer.currency for one in self.assignments})
        )
        own = packages.default_currency()
        return sorted(found, key=lambda currency: (currency != own, currency))

    @property
    def home(self) -> tuple[str, str]:
        """Where the wish came from: its name and its address."""
        if self.whose.package:
            return self.whose.package.name, url_for("packages.show", package_id=self.whose.package.id)
        return home_of_many(self.assignments)

    def form(self, **options: Any) -> CorrectionForm:
        """The form for them."""
        return CorrectionForm(self.currencies, of_package=self.whose.package is not None, **options)


@bp.route("/new", methods=["GET", "POST"])
@changes_nothing
def new() -> Any:
    """The form, for a package, for assignments that were ticked, or for the one that a charge is of."""
    subject = _subject()
    since = None
    if charge := db.session.get(Charge, request.args.get("charge", 0, row_id)):
        since = charge.period_from
    return _page(subject, subject.form(formdata=None, since=since))


@bp.route("/customers", methods=["GET", "POST"])
@changes_nothing
def of_customers() -> Any:
    """Which package of the customers that were ticked: a form for its assignments follows."""
    ids = chosen("customers")
    return render_template(
        "corrections/customers.html", held=corrections.held_by(ids), count=len(ids), packed=packed
    )


@bp.post("/preview")
@changes_nothing
def preview() -> Any:
    """What it would post, while the form is filled."""
    subject = _subject()
    form = subject.form()
    seen = _planned(subject, form) if form.is_filled else None
    if is_htmx():
        return fragment("corrections/_preview.html", **_context(subject, form, seen))
    return _page(subject, form, seen, 422 if form.errors else 200)


@bp.post("")
def create() -> Any:
    """Post it, once it was seen what it does."""
    subject = _subject()
    form = subject.form()
    wanted = form.wanted()
    if wanted is None:
        return _page(subject, form, None, 422)
    by = current_user.email
    try:
        made = post(
            wanted,
            subject.whose,
            seen=form.seen.data or "",
            token=form.token.data,
            today=today(),
            by=by,
            now=now(),
        )
    except Changed as changed:
        db.session.rollback()
        shown_before = bool(form.seen.data)
        return _page(subject, form, changed.plan, 409 if shown_before else 200, changed=shown_before)
    except Invalid as problem:
        db.session.rollback()
        put_error(form, problem)
        return _page(subject, form, None, 422)
    id, said = made.id, f"Corrected back to {day(made.since)}: {made.right}."
    db.session.commit()
    flash(said)
    return see_other(url_for(".show", correction_id=id))


@bp.get("/<int:correction_id>")
def show(correction_id: int) -> Any:
    """What was corrected, what was posted for whom, and whether they were told."""
    correction = db.get_or_404(Correction, correction_id)
    theirs = corrections.by_customer(correction)
    context = {
        "correction": correction,
        "theirs": theirs,
        "taken_back": corrections.taken_back(correction),
        "totals": corrections.totals(theirs),
        "assignments": corrections.assignment_count(correction),
        "before": corrections.terms_before(correction),
        "theirs_before": corrections.assignments_before(correction, NAMED),
        "letters": mails.letters(correction),
        "NAMED": NAMED,
    }
    return render_template("corrections/show.html", **context)


@bp.post("/<int:correction_id>/mails")
def send(correction_id: int) -> Any:
    """Mail to all customers whom something was posted for."""
    correction = db.get_or_404(Correction, correction_id)
    count = mails.send(correction, link("my.charges"), now())
    db.session.commit()
    flash(
        f"Mail to {plural(count, 'customer')} is on its way." if count else "They have all been told already."
    )
    return see_other(url_for(".show", correction_id=correction_id))


# -- whose


def _subject() -> Subject:
    """Whose terms the form is for. The owner alone corrects a package's."""
    if package_id := request.values.get("package", 0, row_id):
        if not may_own():
            abort(403)
        return Subject(Whose(package=db.get_or_404(Package, package_id)))
    ids = unpacked(request.values.getlist("ids"))
    if charge_id := request.args.get("charge", 0, row_id):
        charge = db.get_or_404(Charge, charge_id)
        ids = (charge.assignment_id,) if charge.assignment_id else ()
    found: list[Assignment] = []
    for some in in_chunks(ids):
        query = select(Assignment).where(Assignment.id.in_(some)).order_by(Assignment.id)
        found += db.session.scalars(
            query.options(joinedload(Assignment.customer), joinedload(Assignment.package))
        )
    withdrawn = [one for one in found if one.withdrawn_on]
    found = [one for one in found if not one.withdrawn_on]
    if withdrawn and not found:
        raise RuleBroken(
            "Assigning it was undone: nothing is charged of it, so there is nothing to correct.",
            WayOut("See the assignment", "assignments.show", {"assignment_id": withdrawn[0].id}),
        )
    if not found:
        raise RuleBroken("No assignment was selected. Tick one or more rows first.")
    return Subject(Whose(assignment_ids=tuple(one.id for one in found)), found)


# -- the page


def _planned(subject: Subject, form: CorrectionForm) -> Plan | None:
    return planned(form, lambda wanted: plan(wanted, subject.whose, today()), already_right)


def _context(subject: Subject, form: CorrectionForm, seen: Plan | None, **more: Any) -> dict[str, Any]:
    if seen:
        form.seen.data = seen.fingerprint
    return {
        "subject": subject, "form": form, "seen": seen, "held": _held(subject), "NAMED": NAMED, "changed": False,
        **more,
    }  # fmt: skip


def _held(subject: Subject) -> dict[str, str]:
    """What each price of a package is today, in words."""
    package = subject.whose.package
    held = [package.price_on(currency, today()) for currency in subject.currencies] if package else []
    return {
        name: ", ".join(price_in(getattr(row, name), row.currency) for row in held if row) + " today"
        for name in (PRICE_LABELS if held else ())
    }


def _page(
    subject: Subject, form: CorrectionForm, seen: Plan | None = None, status: int = 200, **more: Any
) -> Any:
    if seen is None:
        form.seen.data = ""
    return render_template("corrections/new.html", **_context(subject, form, seen, **more)), status
