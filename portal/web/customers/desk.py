"""The frame of a customer's page: what stands around each of its sections."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import url_for

from portal.clock import today
from portal.domain.wording import day
from portal.models import Customer
from portal.services.credit.account import due
from portal.services.customers import figures as customer_figures
from portal.services.customers import ranking
from portal.services.customers.glance import Glance, glance

# The sections, each at an address of its own, and what a link to one says of how many there are.
SECTIONS = {
    "packages": ("Packages", "customers.show", "assigned"),
    "upcoming": ("Upcoming", "customers.next_charges", ""),
    "charges": ("Charges", "customers.charges", ""),
    "credit": ("Credit", "credit.show", ""),
    "calls": ("Calls", "calls.of_customer", ""),
    "dids": ("DIDs", "customers.dids", "dids"),
    "people": ("People", "customers.people", ""),
    "notes": ("Notes", "customers.notes", "notes"),
    "details": ("Details", "customers.details", ""),
    "history": ("History", "customers.history", ""),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a section: the customer's state, and the way to the others."""

    glance: Glance
    here: str
    today: date

    @property
    def marks(self) -> list[tuple[str, str]]:
        """What is to be known of the customer before all else, the worst before: kinds of marks, and words."""
        known, customer = self.glance, self.glance.customer
        found = []
        if customer.archived_on:
            found.append(("archived", f"archived {day(customer.archived_on)}"))
        if known.below_limit:
            found.append(("below", "below limit"))
        if known.overdue_since:
            found.append(("owed", f"overdue since {day(known.overdue_since)}"))
        if known.held:
            found.append(("held", f"{known.held} held"))
        return found

    @property
    def sections(self) -> list[tuple[str, str, bool, int | None]]:
        """The ways to the sections: words, address, whether one is there, how many are in it where that is said."""
        return [
            (
                words,
                url_for(view, customer_id=self.glance.customer.id),
                name == self.here,
                getattr(self.glance, of) if of else None,
            )
            for name, (words, view, of) in SECTIONS.items()
        ]


def framed(customer: Customer, here: str) -> dict[str, Any]:
    """What the frame asks for."""
    return {
        "customer": customer,
        "today": today(),
        "frame": Frame(glance(customer, today()), here, today()),
    }


def with_facts(customer: Customer, here: str, most: int = 1) -> dict[str, Any]:
    """The same with the four facts: `most` charges that come next are worked out."""
    upcoming = customer_figures.next_charges(today(), most, customer_id=customer.id)
    frame = framed(customer, here)
    return frame | _facts(customer, upcoming, frame["frame"].glance.balance)


def _facts(customer: Customer, upcoming: customer_figures.Upcoming, balance: Decimal) -> dict[str, Any]:
    """What a customer is to pay and can still take, what recurs, what comes next."""
    recurs = ranking.by_package(today(), customer.id)
    return {
        "upcoming": upcoming,
        "due": due(customer, today(), balance=balance),
        "recurs": recurs,
        "recurring": sum(recurs.values(), start=customer_figures.Recurring()),
    }
