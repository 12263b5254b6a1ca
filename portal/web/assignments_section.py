"""The section that lists what is assigned, on a customer's and on a DID's page: one partial, one swap target."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy import Select

from portal.clock import today
from portal.models import Assignment, Customer, Did
from portal.services import assignments, listing
from portal.web.htmx import fragment
from portal.web.lists import row_id

bp = Blueprint("assignments", __name__)

CHANGED = "assignments-changed"


@dataclass(frozen=True, slots=True)
class Section:
    """What the section shows. `on` says whose page it stands on."""

    on: str
    owner: Customer | Did
    page: listing.Page[assignments.Listed]
    counts: assignments.Counts
    today: date

    @property
    def currency(self) -> str:
        """The currency of all its prices; empty where they differ."""
        found = {row.assignment.customer.currency for row in self.page.rows}
        return found.pop() if len(found) == 1 else ""

    def url(self, **args: Any) -> str:
        """Where the section stands on a page of its own, `after` or `before` a row."""
        return url_for("assignments.index", **self._id, **args)

    @property
    def home(self) -> str:
        """The page of its customer or DID."""
        return url_for(f"{self.on}s.show", **self._id)

    @property
    def assign_url(self) -> str:
        """Where one assigns a package to its customer or DID; empty where nothing can be."""
        stands = self.owner.archived_on is None and not (
            isinstance(self.owner, Did) and not self.owner.customer_id
        )
        return url_for("assignments.new", **self._id) if stands else ""

    @property
    def _id(self) -> dict[str, Any]:
        return {f"{self.on}_id": self.owner.id}


def of_customer(customer: Customer) -> Section:
    """What is assigned to a customer and to their DIDs."""
    return _section("customer", customer, assignments.of_customer(customer))


def of_did(did: Did) -> Section:
    """What is assigned on a DID."""
    return _section("did", did, assignments.of_did(did))


def _section(on: str, owner: Customer | Did, query: Select[Assignment]) -> Section:
    here = request.endpoint == "assignments.index"
    after, before = (request.args.get(name, type=row_id) if here else None for name in ("after", "before"))
    page = assignments.page_of(query, today(), after, before)
    return Section(on, owner, page, assignments.counts(query, today()), today())


def section_around(assignment: Assignment) -> Section:
    """The section that a row was changed in: the DID's where the address says so, else the customer's."""
    if request.args.get("on") == "did" and assignment.did:
        return of_did(assignment.did)
    return of_customer(assignment.customer)


def changed_section(section: Section) -> Any:
    """The section anew; whatever else of the page shows charges is told."""
    response = fragment("assignments/_section.html", section=section)
    response.headers["HX-Trigger"] = CHANGED
    return response
