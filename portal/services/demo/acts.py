"""What happens at Lumen Voice on a day: each act goes through the service that a page would ask."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import select

from portal.domain.due import Kind
from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import Assignment, Charge, Customer, Did, Package
from portal.services import deletion
from portal.services.assignments import assigning, changing, own_prices
from portal.services.charges import by_hand
from portal.services.customers import customers
from portal.services.once import TOKEN_MAX
from portal.services.packages import changes as package_changes
from portal.services.packages.definition import NO_OWN, OwnPriceSet, PriceSet, definition_of
from portal.services.people.people import DEMO_BILLING_EMAIL, DEMO_EMAIL

CLERK = DEMO_BILLING_EMAIL
OWNER = DEMO_EMAIL


@dataclass(frozen=True, slots=True)
class Stage:
    """Where acts take place: the day, and the mark that all tokens of this demo begin with."""

    mark: str
    day: date
    now: datetime

    def package(self, name: str) -> Package:
        """A package by its name."""
        return db.session.scalars(select(Package).where(Package.token == self.token("package", name))).one()

    def customer(self, key: str) -> Customer:
        """A customer by their key."""
        return db.session.scalars(select(Customer).where(Customer.token == self.token("customer", key))).one()

    def did(self, number: str) -> Did:
        """A DID by its number."""
        return db.session.scalars(select(Did).where(Did.number == number)).one()

    def assignment(self, key: str) -> Assignment:
        """An assignment by the key that it was made with."""
        return db.session.scalars(select(Assignment).where(Assignment.token == self.token("a", key))).one()

    def token(self, noun: str, key: str) -> str:
        """The token of a thing: told twice, it is made once."""
        token = f"{self.mark}{noun}-{key}"
        if len(token) > TOKEN_MAX:  # cut off, it would be another thing's too
            token = f"{token[: TOKEN_MAX - 17]}-{sha256(token.encode()).hexdigest()[:16]}"
        return token


Act = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Assign:
    """A package is assigned, to a customer or to one of their DIDs."""

    key: str
    package: str
    customer: str
    start_date: date
    quantity: int = 1
    did: str = ""
    end_date: date | None = None
    charge_from: date | None = None
    minutes: int | None = None
    minimum_days: int | None = None
    auto_decrement_credit: bool = False
    own: OwnPriceSet = NO_OWN

    def __call__(self, stage: Stage) -> None:
        draft = assigning.Draft(
            package=stage.package(self.package),
            customer=stage.customer(self.customer),
            did=stage.did(self.did) if self.did else None,
            quantity=self.quantity,
            start_date=self.start_date,
            end_date=self.end_date,
            charge_from=self.charge_from,
            minutes=self.minutes,
            minimum_days=self.minimum_days,
            auto_decrement_credit=self.auto_decrement_credit,
            own=self.own,
        )
        assigning.assign(draft, token=stage.token("a", self.key), by=CLERK, now=stage.now, twice=True)


@dataclass(frozen=True, slots=True)
class ChangeQuantity:
    """More or fewer units from a day on."""

    key: str
    quantity: int
    effective_from: date

    def __call__(self, stage: Stage) -> None:
        changing.change_quantity(stage.assignment(self.key), self.quantity, self.effective_from, stage.day)


@dataclass(frozen=True, slots=True)
class AgreeOnRetail:
    """A retail of an assignment's own, from a day on."""

    key: str
    retail: Decimal
    effective_from: date

    def __call__(self, stage: Stage) -> None:
        wanted = {"retail": self.retail}
        own_prices.make_own_change(
            own_prices.plan_own_change(stage.assignment(self.key), wanted, self.effective_from, stage.day)
        )


@dataclass(frozen=True, slots=True)
class ChangeEnd:
    """An end date is set, moved or removed."""

    key: str
    end_date: date | None
    override_reason: str = ""

    def __call__(self, stage: Stage) -> None:
        by = OWNER if self.override_reason else CLERK
        changing.change_end(
            stage.assignment(self.key),
            self.end_date,
            stage.day,
            by=by,
            now=stage.now,
            override_reason=self.override_reason,
        )


@dataclass(frozen=True, slots=True)
class ChangePackage:
    """Other prices in one currency, or another schedule, from a day on."""

    package: str
    effective_from: date
    prices: PriceSet | None = None
    schedule: tuple[Frequency, tuple[int, ...]] | None = None

    def __call__(self, stage: Stage) -> None:
        package = stage.package(self.package)
        definition = definition_of(package, stage.day)
        if self.prices:
            kept = tuple(self.prices if p.currency == self.prices.currency else p for p in definition.prices)
            definition = replace(definition, prices=kept)
        if self.schedule:
            frequency, match = self.schedule
            definition = replace(definition, frequency=frequency, frequency_match=match)
        package_changes.make_change(
            package_changes.plan_change(package, definition, self.effective_from, stage.day)
        )


@dataclass(frozen=True, slots=True)
class ChangeTaxRate:
    """A customer's tax rate from a day on."""

    customer: str
    rate: Decimal
    effective_from: date

    def __call__(self, stage: Stage) -> None:
        customers.change_tax_rate(stage.customer(self.customer), self.rate, self.effective_from, stage.day)


@dataclass(frozen=True, slots=True)
class Archive:
    """A package is taken off sale."""

    package: str

    def __call__(self, stage: Stage) -> None:
        deletion.archive_package(stage.package(self.package), stage.day)


@dataclass(frozen=True, slots=True)
class Release:
    """A DID goes back to stock."""

    did: str

    def __call__(self, stage: Stage) -> None:
        deletion.release_did(stage.did(self.did), stage.day)


@dataclass(frozen=True, slots=True)
class ChargeManually:
    """A manual charge."""

    key: str
    customer: str
    amount: Decimal
    cost: Decimal
    description: str

    def __call__(self, stage: Stage) -> None:
        asked = by_hand.ManualCharge(
            stage.customer(self.customer), stage.day, self.amount, self.cost, self.description
        )
        token = stage.token("charge", self.key)
        by_hand.charge_manually(asked, token=token, today=stage.day, by=CLERK, now=stage.now)


@dataclass(frozen=True, slots=True)
class Reverse:
    """The first charge of an assignment is reversed."""

    key: str
    kind: Kind
    reason: str

    def __call__(self, stage: Stage) -> None:
        query = select(Charge).where(
            Charge.assignment_id == stage.assignment(self.key).id, Charge.kind == self.kind
        )
        charge = db.session.scalars(query.order_by(Charge.id).limit(1)).one()
        if by_hand.reversal_of(charge):  # done already, by a load that was stopped
            return
        by_hand.reverse(charge, self.reason, today=stage.day, by=CLERK, now=stage.now)
