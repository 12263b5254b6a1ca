"""The section that lists what is assigned, on a customer's and on a DID's page: one partial, one swap target."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request, url_for
from sqlalchemy import Select

from portal.clock import today
from portal.models import Assignment, Customer, Did
from portal.services import listing
from portal.services.assignments import lists as assignments
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment
from portal.web.shared.lists import TEXT_LONGEST

CHANGED = "assignments-changed"


@dataclass(frozen=True, slots=True)
class Section:
    """What the section shows. `on` says whose page it stands on."""

    on: str
    owner: Customer | Did
    page: listing.Page[assignments.Listed]
    counts: assignments.Counts
    today: date
    text: str = ""

    @property
    def is_searched(self) -> bool:
        """Whether there are so many that one wants to search among them."""
        many = self.counts.assigned + self.counts.ended > assignments.PAGE
        return bool(self.text) or (self.on == "customer" and many)

    @property
    def currency(self) -> str:
        """The currency of all its prices; empty where they differ."""
        found = {row.assignment.customer.currency for row in self.page.rows}
        return found.pop() if len(found) == 1 else ""

    def url(self, **args: Any) -> str:
        """Where the section stands on a page of its own, `after` or `before` a row of what was searched for."""
        return url_for("assignments.index", **self._id, **{"q": self.text or None, **args})

    @property
    def asked(self) -> dict[str, Any]:
        """What the section shows, as the address of its file asks for it."""
        return {self.on: self.owner.id, "q": self.text or None}

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
    text = request.args.get("q", "").strip()[:TEXT_LONGEST] if _is_here() else ""
    everything = assignments.of_customer(customer)
    return _section("customer", customer, everything, assignments.of_customer(customer, text), text)


def of_did(did: Did) -> Section:
    """What is assigned on a DID."""
    everything = assignments.of_did(did)
    return _section("did", did, everything, everything)


def _section(
    on: str, owner: Customer | Did, everything: Select[Assignment], found: Select[Assignment], text: str = ""
) -> Section:
    after, before = (
        request.args.get(name, type=row_id) if _is_here() else None for name in ("after", "before")
    )
    page = assignments.page_of(found, today(), after, before)
    return Section(on, owner, page, assignments.counts(everything, today()), today(), text)


def _is_here() -> bool:
    """Whether the address speaks of the section, and not of the page that it stands on."""
    return request.endpoint == "assignments.index"


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
