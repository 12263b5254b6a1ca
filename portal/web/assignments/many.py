"""Many at once: one package to chosen DIDs or customers, one last day for chosen assignments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_security import current_user
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from portal.clock import now, today
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.wording import day, plural, whole
from portal.extensions import db
from portal.models import Assignment, BulkKind, Customer, Package
from portal.services import bulk_acts
from portal.services.assignments import assigning_many, ending_many
from portal.services.assignments import lists as assignments
from portal.services.assignments.assigning_many import Foreseen, Sorted, Target
from portal.services.assignments.bundles import Overlap, overlaps
from portal.services.assignments.ending import foresee
from portal.services.assignments.lists import MANY
from portal.services.customers import customers
from portal.services.deletion import removing_many, why_not_archive_customer
from portal.services.dids import dids
from portal.services.runs.assignment_locks import lock_assignments
from portal.web.assignments import bp
from portal.web.assignments.forms import AssignmentForm, EndManyForm
from portal.web.http.access import changes_nothing
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, is_htmx
from portal.web.http.locks import lock_chosen
from portal.web.shared.fields import put_error
from portal.web.shared.lists import ListState, list_state
from portal.web.shared.undo import say_with_undo

NAMED = 100
SPAN = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)

bp.add_app_template_filter(assigning_many.name_of, "target_name")


@dataclass(frozen=True, slots=True)
class Many:
    """Whom a package is assigned to: DIDs or customers, by their ids."""

    noun: str
    ids: tuple[int, ...]

    @property
    def words(self) -> str:
        """How many of what."""
        one = "DID" if self.noun == "dids" else "customer"
        return plural(len(self.ids), one)

    @property
    def packed(self) -> str:
        """The ids as a form carries them: 3-7,9."""
        return packed(self.ids)

    def url(self, view: str) -> str:
        """One of the addresses of assigning to many; it carries what the list showed, to come back to it."""
        return url_for(f"assignments.{view}", noun=self.noun, **_state(self.noun).kept)

    def load(self) -> Sequence[Target]:
        """The DIDs or customers themselves."""
        load = assigning_many.load_dids if self.noun == "dids" else assigning_many.load_customers
        return load(self.ids)

    @property
    def home(self) -> str:
        """The list that they were chosen in, as it stood."""
        return url_for(f"{self.noun}.index", **_state(self.noun).kept)


@bp.route("/assignments/many/<any(dids, customers):noun>", methods=["GET", "POST"])
@changes_nothing
def bulk(noun: str) -> Any:
    """The form for those that a list chose; nothing is stored."""
    many = Many(noun, chosen(noun))
    return _form(many, _fresh())


@bp.post("/assignments/many/<any(dids, customers):noun>/draft")
@changes_nothing
def draft_many(noun: str) -> Any:
    """What would be charged in sum, and who is refused, while the form is filled."""
    many, form = Many(noun, chosen(noun)), _typed()
    seen = _foresee(many, form)
    if is_htmx():
        return fragment(
            "assignments/_many_draft.html", many=many, form=form, seen=seen, target=_Nowhere, today=today()
        )
    return _form(many, form, seen=seen)


@bp.post("/assignments/many/<any(dids, customers):noun>/assign")
def assign_many(noun: str) -> Any:
    """Assign to all that may have it, in one transaction, once for the token of the form."""
    many = Many(noun, chosen(noun))
    assigning_many.lock_targets(many.load())
    lock_chosen(Package, "package")
    form = _typed()
    if not form.accepts():
        return _form(many, form, 422)
    token, twice = form.token.data, bool(form.twice.data)
    content = {"noun": many.noun, "ids": many.ids, "wish": form.wish(), "twice": twice}
    try:
        found = assigning_many.sort_out(form.wish(), many.load(), twice=twice)
        made = assigning_many.made_with(token, content, many.noun, many.ids)
    except Invalid as problem:
        put_error(form, problem)
        return _form(many, form, 422)
    if made is None and not found.done:
        if not found.refused:
            raise _gone(many)
        return _form(many, form, 409)
    if made is None:
        by = current_user.email
        made = assigning_many.assign_many(found.done, token=token, by=by, now=now(), content=content)
    db.session.commit()
    theirs = {one.did_id if many.noun == "dids" else one.customer_id for one in made}
    found.refused = [one for one in found.refused if one.thing.id not in theirs]
    said = f"Assigned {made[0].package.name} to {plural(len(made), 'DID' if noun == 'dids' else 'customer')}."
    say_with_undo(said, bulk_acts.of_thing(BulkKind.ASSIGNED, made[0].id))
    told = overlaps(made)
    if not found.refused and not told:
        return _to(many.home)
    context = {"many": many, "made": made, "found": found, "overlaps": told, "named": NAMED}
    return render_template("assignments/many_done.html", **context)


def _gone(many: Many) -> RuleBroken:
    noun = "DID" if many.noun == "dids" else "customer"
    return RuleBroken(
        f"No {noun} that was selected exists any more.", WayOut("Back to the list", f"{many.noun}.index")
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the fragment says."""

    form: AssignmentForm
    found: Sorted | None = None
    foreseen: Foreseen | None = None
    overlaps: Sequence[Overlap] = ()


class _Nowhere:
    """No one customer: a package's details name no currency."""

    customer = None


def _foresee(many: Many, form: AssignmentForm) -> Seen:
    if not form.is_filled or not form.accepts():
        return Seen(form)
    try:
        found = assigning_many.sort_out(form.wish(), many.load(), twice=bool(form.twice.data))
    except Invalid as problem:
        put_error(form, problem)
        return Seen(form)
    return Seen(form, found, assigning_many.foresee(found.done, today()), overlaps(found.done))


def _form(many: Many, form: AssignmentForm, status: int = 200, seen: Seen | None = None) -> Any:
    seen = seen or _foresee(many, _typed() if status != 200 else form)
    context = {"many": many, "form": form, "seen": seen, "target": _Nowhere, "today": today(), "named": NAMED}
    return render_template("assignments/many.html", **context), status


def _fresh() -> AssignmentForm:
    return AssignmentForm(formdata=None, start_date=today())


def _typed() -> AssignmentForm:
    form = AssignmentForm(formdata=request.form)
    return form


# -- who was chosen


def chosen(noun: str) -> tuple[int, ...]:
    """The ids that a list's ticked rows, its filter, or the form before name. Invalid where there are none."""
    if request.values.get("all_found"):
        return tuple(_all_found(noun))
    ids = unpacked(request.values.getlist("ids"))
    if not ids:
        raise RuleBroken(
            f"No {'DID' if noun == 'dids' else 'customer'} was selected. Tick one or more rows first.",
            WayOut("Back to the list", f"{noun}.index"),
        )
    return ids


def _state(noun: str) -> ListState:
    """What the list showed in which they were chosen."""
    if noun == "dids":
        return list_state(dids.SORTS, state=dids.STATES, country=(), customer=())
    return list_state(customers.SORTS, state=customers.STATES, currency=())


def _all_found(noun: str) -> list[int]:
    state = _state(noun)
    if noun == "dids":
        owner = request.args.get("customer", type=row_id)
        return dids.ids_of(dids.find_dids(today(), state.text, state["state"], state["country"], owner))
    return assigning_many.ids_of(customers.find_customers(state.text, state["state"], state["currency"]))


def packed(ids: Sequence[int]) -> str:
    """Ids as short as they can be written: 3-7,9."""
    parts: list[list[int]] = []
    for id in sorted(set(ids)):
        if parts and id == parts[-1][1] + 1:
            parts[-1][1] = id
        else:
            parts.append([id, id])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)


def unpacked(texts: Sequence[str], most: int = MANY) -> tuple[int, ...]:
    """The ids that a form names, each once. Invalid for more than one act may touch."""
    found: set[int] = set()
    for part in ",".join(texts).split(","):
        span = SPAN.fullmatch(part.strip())
        if not span:
            continue
        first = int(span[1])
        last = int(span[2] or first)
        if last - first >= most or len(found) > most:
            raise Invalid("ids", f"Choose {whole(most)} at most.")
        found.update(range(first, last + 1))
    if len(found) > most:
        raise Invalid("ids", f"Choose {whole(most)} at most; these are {whole(len(found))}.")
    return tuple(sorted(found))


# -- ending many


@bp.post("/assignments/end")
def end_many() -> Any:
    """Ask for the last day of the chosen assignments; then, with one, end them."""
    chosen = lock_chosen_assignments()
    if "each" in request.form:
        return _end(chosen, None)
    if "end_date" not in request.form:
        form = EndManyForm(formdata=None, end_date=today())
        return _end_form(chosen, form)
    form = EndManyForm()
    if form.validate() and form.end_date.data is None:
        put_error(form, Invalid("end_date", "Choose their last day."))
    if form.errors or form.end_date.data is None:
        return _end_form(chosen, form, 422)
    if "show" in request.form:
        return _end_form(chosen, form)
    return _end(chosen, form.end_date.data) or _end_form(chosen, form, 409)


def _end(chosen: Sequence[Assignment], end_date: date | None) -> Any:
    """End them and go back; nothing where none of them may have the day."""
    moment = now()
    ending = ending_many.end_many(chosen, end_date, today(), by=current_user.email, now=moment)
    if end_date and not ending.done:
        db.session.rollback()
        return None
    db.session.commit()
    as_last = f"{day(end_date)} as the last day" if end_date else "the earliest last day that each may have"
    said = f"{plural(len(ending.done), 'assignment')} given {as_last}."
    say_with_undo(said, bulk_acts.of_moment(BulkKind.ENDED, current_user.email, moment))
    if came_from() == "archive":
        flash(_until_archived(chosen[0].customer))
    if ending.refused:
        context = {"ending": ending, "end_date": end_date, "home": home_of(chosen[0])}
        return render_template("assignments/end_many_done.html", **context)
    return _to(home_of(chosen[0])[1])


def _until_archived(customer: Customer) -> str:
    """From when a customer whose assignments have just been given an end can be archived."""
    refusal = why_not_archive_customer(customer, today())
    if refusal is None or refusal.possible_on is None:
        return f"{customer.name} can be archived now." if refusal is None else refusal.sentence
    begins = f"{customer.name} can be archived from {day(refusal.possible_on)} on"
    return f"{begins}, once what falls due until then is posted."


def _end_form(chosen: Sequence[Any], form: EndManyForm, status: int = 200) -> Any:
    ending, foreseen = None, None
    if form.end_date.data and not form.end_date.errors:
        ending = ending_many.sort_out(chosen, form.end_date.data, today())
        foreseen = foresee(ending.done, form.end_date.data, today())
    ids = packed([assignment.id for assignment in chosen])
    context = {
        "chosen": chosen,
        "form": form,
        "ending": ending,
        "foreseen": foreseen,
        "ids": ids,
        "came_from": came_from(),
        "home": home_of(chosen[0]),
        "not_begun": removing_many.sort_out([it.thing for it in ending.refused], today()).done
        if ending
        else [],
        "packed": packed,
        "today": today(),
    }
    return render_template("assignments/end_many.html", **context), status


# -- which assignments were chosen, and where


def lock_chosen_assignments() -> list[Assignment]:
    """The assignments that a list chose: by their ids, as those on chosen DIDs, or as all that a package's list found.

    They are locked until the request is over. RuleBroken where there are none.
    """
    place = came_from()
    ids: Sequence[int]
    if "of" in request.args and place == "dids":
        ids = assignments.ids_on_dids(chosen("dids"), today())
        nothing = "Nothing is assigned to what was selected."
    elif "of" in request.args and place == "package" and request.form.get("all_found"):
        package = request.args.get("package", 0, row_id)
        ids = assignments.ids_of_package(package, today(), request.args.get("state") != "all")
        nothing = "Nobody has this package any more."
    else:
        ids = unpacked(request.form.getlist("ids"))
        nothing = "No assignment was selected. Tick one or more rows first."
    if len(ids) > MANY:
        raise Invalid("ids", f"Choose {whole(MANY)} at most.")
    if not ids:
        raise RuleBroken(nothing, WayOut("Back to the list", "dids.index") if place == "dids" else None)
    found = lock_assignments(ids, *assignments.for_rows(), selectinload(Assignment.ends))
    if not found:
        raise RuleBroken("No assignment that was selected exists any more.")
    return found


def came_from() -> str:
    """The list that assignments were chosen in: `dids`, `package`, or empty for a customer's or a DID's own."""
    place = request.args.get("of") or request.form.get("came_from", "")
    return place if place in ("dids", "package", "archive") else ""


def home_of(assignment: Assignment) -> tuple[str, str]:
    """What that list is called, and where it stands; `assignment` is one of those chosen."""
    match came_from():
        case "dids":
            return "DIDs", url_for("dids.index")
        case "package":
            return assignment.package.name, url_for("packages.show", package_id=assignment.package_id)
    return assignment.customer.name, url_for("customers.show", customer_id=assignment.customer_id)


def home_of_many(chosen: Sequence[Assignment]) -> tuple[str, str]:
    """Where they were most likely ticked: the page of their customer, or of their package; its name and its address."""
    first = chosen[0]
    if len({assignment.customer_id for assignment in chosen}) == 1:
        return first.customer.name, url_for("customers.show", customer_id=first.customer_id)
    if len({assignment.package_id for assignment in chosen}) == 1:
        return first.package.name, url_for("packages.show", package_id=first.package_id)
    return "Customers", url_for("customers.index")


def _to(url: str) -> Response:
    return redirect(url, code=303)
