"""The section that lists what is assigned, on a customer's and on a DID's page: one partial, one swap target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from flask import request, url_for
from sqlalchemy import Select

from portal.clock import today
from portal.models import Assignment, Customer, Did
from portal.services import listing
from portal.services.assignments import lists as assignments
from portal.services.customers import ranking
from portal.services.customers.figures import Recurring
from portal.web.http.bounds import row_id
from portal.web.http.htmx import fragment, see_other
from portal.web.shared.lists import TEXT_LONGEST

CHANGED = "assignments-changed"
NO_PAGE: listing.Page[assignments.Listed] = listing.Page([], 0)


@dataclass(frozen=True, slots=True)
class Section:
    """What the section shows: a page of a list or, on a customer's page, `groups` by package.

    `on` says whose page it stands on; `recurs` what each package comes to in a month.
    """

    on: str
    owner: Customer | Did
    counts: assignments.Counts
    today: date
    page: listing.Page[assignments.Listed] = NO_PAGE
    text: str = ""
    groups: assignments.Groups | None = None
    recurs: Mapping[int, Recurring] = field(default_factory=dict)

    @property
    def is_searched(self) -> bool:
        """Whether there are so many that one wants to search among them."""
        many = self.counts.assigned + self.counts.ended > assignments.PAGE
        return bool(self.text) or (self.on == "customer" and many)

    @property
    def currency(self) -> str:
        """The currency of all its prices; empty where they differ."""
        if isinstance(self.owner, Customer):
            return self.owner.currency
        found = {row.assignment.customer.currency for row in self.page.rows}
        return found.pop() if len(found) == 1 else ""

    def url(self, **args: Any) -> str:
        """Where the section stands on a page of its own, `after` or `before` a row of what was searched for."""
        return url_for("assignments.index", **self._id, **{"q": self.text or None, **args})

    def group_url(self, group: assignments.Group, alone: bool = False) -> str:
        """The customer's page with a group unfolded, or folded again; `alone`: the group's rows and nothing else."""
        fold = group.key if alone and group.rows else None
        return url_for("customers.show", **self._id, open=None if group.rows else group.key, fold=fold)

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
    """What is assigned to a customer and to their DIDs, as a list."""
    text = request.args.get("q", "").strip()[:TEXT_LONGEST] if _is_here() else ""
    everything = assignments.of_customer(customer)
    return _section("customer", customer, everything, assignments.of_customer(customer, text), text)


def by_package(
    customer: Customer, recurs: Mapping[int, Recurring] | None = None, unfolded: int | str = ""
) -> Section:
    """The same by package, as the customer's page has it; `unfolded`, or else the address, says what is unfolded."""
    if recurs is None:
        recurs = ranking.by_package(today(), customer.id)
    groups = assignments.groups_of(customer, today(), unfolded or _named("open"))
    ended = sum(group.count for group in groups.shown if group.package is None)
    assigned = sum(group.count for group in groups.shown) - ended
    if groups.more:
        assigned = listing.count(assignments.find_assignments(customer, assignments.OPEN, today()))
    counts = assignments.Counts(assigned, ended)
    return Section("customer", customer, counts, today(), groups=groups, recurs=recurs)


def one_group(customer: Customer) -> Any:
    """One package's rows, unfolded or folded again, where they stand."""
    unfolded = _named("open")
    groups = assignments.groups_of(customer, today(), unfolded, only=unfolded or _named("fold") or -1)
    if not groups.shown:
        return see_other(url_for("customers.show", customer_id=customer.id))
    recurs = ranking.by_package(today(), customer.id)
    section = Section("customer", customer, assignments.Counts(0, 0), today(), groups=groups, recurs=recurs)
    return fragment("assignments/_group.html", section=section, group=groups.shown[0])


def _named(name: str) -> int | str:
    """The package that the address names, or what has ended."""
    ended = request.args.get(name) == assignments.ENDED
    return assignments.ENDED if ended else request.args.get(name, type=row_id) or ""


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
    return Section(on, owner, assignments.counts(everything, today()), today(), page, text)


def _is_here() -> bool:
    """Whether the address speaks of the section, and not of the page that it stands on."""
    return request.endpoint == "assignments.index"


def section_around(assignment: Assignment) -> Section:
    """The section that a row was changed in: the DID's where the address says so, else the customer's."""
    if request.args.get("on") == "did" and assignment.did:
        return of_did(assignment.did)
    return around(assignment.customer, assignment.package_id)


def of_row(assignment: Assignment) -> Section:
    """As much of that section as one of its rows asks for."""
    nothing = assignments.Counts(0, 0)
    if request.args.get("on") == "did" and assignment.did:
        return Section("did", assignment.did, nothing, today())
    return Section("customer", assignment.customer, nothing, today())


def around(customer: Customer, package_id: int) -> Section:
    """What a customer's page shows after something was done to an assignment of a package: the list where the browser
    shows the list, else the packages, with that one unfolded."""
    shown = urlsplit(request.headers.get("HX-Current-URL", "")).path
    is_list = shown.endswith(url_for("assignments.index", customer_id=customer.id))
    return of_customer(customer) if is_list else by_package(customer, unfolded=package_id)


def changed_section(section: Section) -> Any:
    """The section anew; whatever else of the page shows charges is told."""
    response = fragment("assignments/_section.html", section=section)
    response.headers["HX-Trigger"] = CHANGED
    return response
