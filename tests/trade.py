"""What the provider of the tests sells, and to whom: packages, customers, DIDs, and what is assigned.

Everything is made through the services. Today is Sunday 22 November 2026.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.extensions import db
from portal.models import Assignment, Customer, Did, Package
from portal.services.assignments.assigning import Draft, assign
from portal.services.billing.planning import due_ids
from portal.services.billing.posting import Posting, post_chunk
from portal.services.customers.customers import CustomerFields, create_customer
from portal.services.packages.catalogue import create_package
from portal.services.packages.connexcs import add_connexcs_package
from portal.services.packages.definition import FIELDS, Definition, PriceSet

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEN = "billing@lumen.example"

_numbers = count(1)


def a_customer(name: str = "Northwind Telecom", currency: str = "GBP", tax_rate: str = "20") -> Customer:
    """A customer, stored."""
    return create_customer(
        CustomerFields(name, currency), Decimal(tax_rate), token=f"c{next(_numbers)}", today=TODAY, now=NOW
    )


def a_did(customer: Customer | None, number: str = "+442079460123") -> Did:
    """A DID with a customer, or in stock."""
    did = Did(number=number, country="GB", customer=customer, created_at=NOW)
    db.session.add(did)
    db.session.flush()
    return did


def a_package(
    name: str = "SIP Trunk 10",
    retail: str = "24.50",
    *,
    cost: str = "10",
    setup_retail: str = "0",
    frequency: Frequency = Frequency.MONTHLY,
    match: tuple[int, ...] = (1,),
    minimum_days: int = 0,
    proration: Proration = Proration.NONE,
    currencies: tuple[str, ...] = ("GBP",),
    minutes: bool = False,
    minimum_spend: bool = False,
) -> Package:
    """A package on sale."""
    definition = Definition(
        name=name,
        prices=tuple(
            PriceSet(currency, Decimal(cost), Decimal(retail), Decimal(0), Decimal(setup_retail))
            for currency in currencies
        ),
        frequency=frequency,
        frequency_match=match,
        minimum_days=minimum_days,
        type=PackageType.FREE_MINUTES if minutes else PackageType.STANDARD,
        minimum_spend=minimum_spend,
        proration=proration,
    )
    return create_package(definition, token=f"p{next(_numbers)}", now=NOW)


def whole_definition(*, minutes: bool = False) -> Definition:
    """A package of which something is said in every field; free minutes and minimum spend exclude each other."""
    texts: dict[str, Any] = {name: f"Some {field.label}" for name, field in FIELDS.items() if field.longest}
    said = texts | {
        "frequency": Frequency.MONTHLY,
        "frequency_match": (15, 31),
        "connexcs_package_id": add_connexcs_package(f"Service {next(_numbers)}").id,
        "minimum_days": 60,
        "type": PackageType.FREE_MINUTES if minutes else PackageType.STANDARD,
        "destination": "^44" if minutes else "",
        "minimum_spend": not minutes,
        "proration": Proration.DAILY,
    }
    return Definition(prices=(PriceSet("GBP", retail=Decimal("24.50")),), **said)


def assigned(
    package: Package, customer: Customer, start_date: date = TODAY, *, did: Did | None = None, **draft: Any
) -> Assignment:
    """An assignment, stored."""
    draft.setdefault("quantity", 1)
    return assign(
        Draft(package, customer, did, start_date=start_date, **draft),
        token=f"a{next(_numbers)}", by=BEN, now=NOW, twice=True,
    )  # fmt: skip


def run(day: date = TODAY) -> Posting:
    """Post all that is due up to a day, as a run of that day does."""
    db.session.flush()
    posting = post_chunk(due_ids(day), day, day, None, BEN, NOW)
    db.session.flush()
    db.session.expire_all()
    return posting
