"""`portal simulate`: a scenario goes through the services that the pages use, in a throwaway database.

A run is made on every day on which anything can be due. What those days post is the answer.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from operator import itemgetter
from secrets import token_urlsafe
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select

from portal.domain.csv_files.cells import bare
from portal.domain.currencies import CURRENCIES
from portal.domain.due import ORDER
from portal.domain.errors import RuleBroken
from portal.domain.money import AMOUNT_BELOW
from portal.domain.schedule import FIRST_DAY, ONE_DAY, Frequency
from portal.domain.terms import Proration
from portal.domain.wording import digits, long_day, plain, whole
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentPosition,
    Call,
    Charge,
    Company,
    Customer,
    Did,
    Package,
    Run,
    RunState,
)
from portal.models.company import ONLY
from portal.services.assignments.assigning import Draft, assign
from portal.services.assignments.changing import change_end, change_quantity
from portal.services.assignments.own_prices import make_own_change, plan_own_change
from portal.services.billing.planning import due_ids
from portal.services.billing.posting import post_chunk
from portal.services.calls.covering import recompute_cover_of_many
from portal.services.calls.late_calls import reopen
from portal.services.charges.explaining import explain_all
from portal.services.corrections.planning import plan
from portal.services.corrections.posting import post
from portal.services.corrections.tax_rates import RateWanted, plan_rate, post_rate
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.credit import Act
from portal.services.customers.customers import CustomerFields, change_tax_rate, create_customer
from portal.services.packages.catalogue import create_package
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import (
    DATED,
    DEFAULTS,
    FIELDS,
    PRICE_LABELS,
    Definition,
    OwnPriceSet,
    PriceSet,
    definition_of,
)
from portal.services.runs.undoing import start_undoing, undo_chunk
from portal.services.scenarios.reading import Place, ScenarioRefused, shown

PRICES = tuple(PRICE_LABELS)
SCENARIO = (
    "currency", "timezone", "tax_rate", "usage_wait_days", "from", "to", "packages", "customers", "dids",
    "assignments", "usage", "changes",
)  # fmt: skip
# A scenario has no platform, and so nothing that assigning enables.
OF_PACKAGE = tuple(name for name in FIELDS if name != "connexcs_package_id")
PACKAGE = ("key", *PRICES, "prices", *OF_PACKAGE)
ASSIGNMENT = (
    "package", "customer", "did", "quantity", "start_date", "end_date", "charge_from", "minutes", "minimum_days",
    "auto_decrement_credit", *PRICES,
)  # fmt: skip
CALL = ("customer", "did", "date", "started_at", "amount", "destination", "seconds", "call_id", "came_in_on")
CHANGES = {
    "assignment": ("end_date", "quantity", *PRICES),
    "package": (*PRICES, "currency", *DATED),
    "customer": ("tax_rate",),
}
# With `since`: what was wrong since that day, and is corrected back to it.
CORRECTIONS = {
    "assignment": ("quantity", *PRICES),
    "package": (*PRICES, "currency"),
    "customer": ("tax_rate",),
}
WHO = "simulate"
UNDONE = "The scenario undoes it."
# People are at work before the run of the day.
RUN_AT = time(23)


def simulate(scenario: Any, path: str = "") -> dict[str, Any]:
    """The charges that runs on each day from `from` to `to` post. ScenarioRefused names the place.

    The database of the current application must be empty, and is not empty afterwards.
    """
    simulation = Simulation(Place(scenario, path))
    db.session.merge(Company(id=ONLY, name=WHO, usage_wait_days=simulation.wait_days))
    simulation.set_up()
    simulation.run()
    return simulation.written()


class Simulation:
    """One scenario among whatever else the database holds."""

    def __init__(self, place: Place) -> None:
        self.place = place
        place.only(*SCENARIO)
        self.begins, self.through = place.day("from"), place.day("to")
        if self.through < self.begins:
            raise place.refuse("to", "is before `from`.")
        self.currency = self._currency(place)
        self.zone = self._zone()
        self.packages: dict[str, Package] = {}
        self.customers: dict[str, Customer] = {}
        self.dids: dict[str, Did] = {}
        self.assignments: dict[int, Assignment] = {}
        self.calls: set[tuple[int, str]] = set()
        self.on_time: list[Call] = []
        self.late: dict[date, list[Call]] = {}
        self.runs: dict[date, int] = {}
        self.undoes = False
        self.today = FIRST_DAY
        self.wait_days = self._wait_days()

    # -- setting up

    def set_up(self) -> None:
        """Make the packages, customers, DIDs, assignments and calls."""
        for item in self.place.items("packages", required=True):
            self._add_package(item)
        customers = list(self.place.items("customers")) or [Place({"key": "customer"}, "customers[0]")]
        for item in customers:
            self._add_customer(item)
        for item in self.place.items("dids"):
            self._add_did(item)
        for index, item in enumerate(self.place.items("assignments", required=True)):
            self._add_assignment(index, item)
        for index, item in enumerate(self.place.items("usage")):
            self._read_call(index, item)
        self._take_in(self.on_time)
        db.session.flush()

    def _now(self) -> datetime:
        return _moment(self.begins)

    def _token(self) -> str:
        return token_urlsafe(16)

    def _key(self, item: Place, taken: dict[str, Any]) -> str:
        key: str = item.text("key")
        if key in taken:
            raise item.refuse("key", f"{shown(key)} appears twice.")
        return key

    def _currency(self, item: Place, default: str = "USD") -> str:
        currency: str = item.text("currency", default)
        if currency not in CURRENCIES:
            raise item.refuse("currency", f"there is no currency {shown(currency)}.")
        return currency

    def _zone(self) -> ZoneInfo:
        name = self.place.text("timezone", "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self.place.refuse("timezone", f"there is no time zone {shown(name)}.") from None

    def _wait_days(self) -> int:
        days: int = self.place.whole("usage_wait_days", 0)
        if not 0 <= days <= 30:
            raise self.place.refuse("usage_wait_days", "is 0 to 30.")
        return days

    def _add_package(self, item: Place) -> None:
        item.only(*PACKAGE)
        key = self._key(item, self.packages)
        prices = [PriceSet(self.currency, *(item.decimal(name, "0") for name in PRICES))]
        others = Place(item.get("prices", {}), item.at("prices"))
        for currency in others.value:
            if currency not in CURRENCIES:
                raise others.refuse(currency, f"there is no currency {shown(currency)}.")
            other = Place(others.value[currency], others.at(currency))
            other.only(*PRICES)
            four = PriceSet(currency, *(other.decimal(name, "0") for name in PRICES))
            prices = [four if currency == self.currency and p.currency == currency else p for p in prices]
            if currency != self.currency:
                prices.append(four)
        defaults = DEFAULTS | {"proration": Proration.NONE}
        said = {name: item.like(name, defaults[name]) for name in OF_PACKAGE}
        definition = Definition(prices=tuple(prices), **said | {"name": said["name"] or key})
        if definition.frequency_match and definition.frequency not in (Frequency.WEEKLY, Frequency.MONTHLY):
            raise item.refuse(
                "frequency_match", f"a package charged {definition.frequency} has no match days."
            )
        try:
            self.packages[key] = create_package(definition, token=self._token(), now=self._now())
        except RuleBroken as error:
            raise item.broken(error, "key") from error

    def _add_customer(self, item: Place) -> None:
        item.only("key", "name", "currency", "tax_rate")
        key = self._key(item, self.customers)
        rate = item.decimal("tax_rate", str(self.place.decimal("tax_rate", "0")))
        fields = CustomerFields(item.text("name", key) or key, self._currency(item, self.currency))
        try:
            self.customers[key] = create_customer(
                fields, rate, token=self._token(), today=self.begins, now=self._now()
            )
        except RuleBroken as error:
            raise item.broken(error, "key") from error

    def _add_did(self, item: Place) -> None:
        item.only("number", "customer")
        number = item.text("number")
        if number in self.dids:
            raise item.refuse("number", f"{shown(number)} appears twice.")
        if not (
            number[:1] == "+" and number[1:].isascii() and number[1:].isdigit() and 7 <= len(number) <= 16
        ):
            raise item.refuse("number", f"{shown(number)} is not a number in E.164, like +442071234567.")
        did = Did(number=number, customer=self._customer(item), created_at=self._now())
        db.session.add(did)
        self.dids[number] = did

    def _customer(self, item: Place) -> Customer:
        only = next(iter(self.customers.values()))
        found: Customer = item.one_of("customer", self.customers, "customer", only)
        return found

    def _add_assignment(self, index: int, item: Place) -> None:
        item.only(*ASSIGNMENT)
        draft = Draft(
            package=item.one_of("package", self.packages, "package"),
            customer=self._customer(item),
            did=item.one_of("did", self.dids, "DID", None),
            quantity=item.whole("quantity", 1),
            start_date=item.day("start_date"),
            end_date=item.day("end_date", None),
            charge_from=item.day("charge_from", None),
            minutes=item.whole("minutes", None),
            minimum_days=item.whole("minimum_days", None),
            auto_decrement_credit=item.flag("auto_decrement_credit"),
            own=OwnPriceSet(**_own_prices(item)),
        )
        try:
            assigned = assign(draft, token=self._token(), by=WHO, now=self._now(), twice=True)
        except RuleBroken as error:
            raise item.broken(error, "package") from error
        self.assignments[index] = assigned

    def _read_call(self, index: int, item: Place) -> None:
        """A call that comes in on its own day is there from the beginning; a late one from the day it came in."""
        item.only(*CALL)
        customer, did = self._customer(item), item.one_of("did", self.dids, "DID", None)
        amount, seconds = item.decimal("amount"), item.whole("seconds", 0)
        for name, value in (("amount", amount), ("seconds", seconds)):
            if value < 0:
                raise item.refuse(name, "is below zero.")
        if amount >= AMOUNT_BELOW:
            raise item.refuse("amount", f"is {whole(AMOUNT_BELOW)} or more.")
        known = item.text("call_id", f"usage-{index}")
        if (customer.id, known) in self.calls:
            raise item.refuse("call_id", f"{shown(known)} appears twice.")
        self.calls.add((customer.id, known))
        started = self._started(item)
        day = started.date() if started else item.day("date")
        came_in_on = item.day("came_in_on", day)
        if came_in_on < day:
            raise item.refuse("came_in_on", "is before the day of the call.")
        other = self.dids.get("+" + bare(item.text("destination", "")))
        call = Call(
            customer_id=customer.id,
            call_id=known,
            did_id=did.id if did else None,
            other_did_id=other.id if other and other.customer_id == customer.id else None,
            started_at=started,
            day=day,
            destination=bare(item.text("destination", "")),
            seconds=seconds,
            amount=amount,
            came_in_on=came_in_on,
        )
        (self.on_time if came_in_on == day else self.late.setdefault(came_in_on, [])).append(call)

    def _take_in(self, calls: list[Call], today: date | None = None) -> dict[int, date]:
        """Store calls and cover them by free minutes; the first day of them for each customer.

        Without a day it is before all of them: each is there on its own day.
        """
        reached: dict[int, date] = {}
        for call in calls:
            reached[call.customer_id] = min(reached.get(call.customer_id, call.day), call.day)
        db.session.add_all(calls)
        db.session.flush()
        return recompute_cover_of_many(reached, today or min(reached.values(), default=self.begins))

    def take_in_late(self, day: date) -> None:
        """Take in the late calls that come in on a day."""
        if day in self.late:
            reopen(self._take_in(self.late[day], day), day)

    def _cover(self, day: date) -> None:
        """After a change: the calls of its day and after it are covered by what holds now."""
        db.session.flush()
        recompute_cover_of_many({customer.id: day for customer in self.customers.values()}, day)

    def _started(self, item: Place) -> datetime | None:
        """When a call started, in the portal's time zone; None where only its day is given."""
        text = item.text("started_at", None)
        if text is None:
            return None
        try:
            said = datetime.fromisoformat(text)
            started = said.astimezone(self.zone) if said.tzinfo else said.replace(tzinfo=self.zone)
        except (ValueError, OverflowError):
            raise item.refuse(
                "started_at", f"{shown(text)} is not a time written like 2026-01-12T09:30:00Z."
            ) from None
        item.within("started_at", started.date())
        return started

    # -- running

    def run(self) -> None:
        """A run on every day on which anything can be due, after that day's changes and the late calls it brought."""
        events: list[tuple[date, Place | None]] = [(change.day("on"), change) for change in self.changes()]
        events += [(day, None) for day in self.late]
        for day, change in sorted(events, key=itemgetter(0)):
            self._run_through(day - ONE_DAY)
            self.today = day
            if change:
                self.change(change)
                self._cover(day)
            elif day <= self.through:
                self.take_in_late(day)
        self._run_through(self.through)

    def changes(self) -> list[Place]:
        """The changes, in the order in which they are made."""
        found = list(self.place.items("changes"))
        for change in found:
            _check_change(change)
        self.undoes = any(change.has("undo") for change in found)
        return sorted(found, key=lambda change: change.day("on"))

    def _run_through(self, through: date) -> None:
        through = min(through, self.through)
        while True:
            db.session.flush()
            day = db.session.scalar(select(func.min(AssignmentPosition.next_charge_on)))
            # What was undone is due since a day gone by, and is posted by the next run.
            if day is None or (day := max(day, self.today)) > through:
                return
            posting = post_chunk(due_ids(day), day, day, self._run_of(day), WHO, _moment(day, RUN_AT))
            assert not posting.held and not posting.failed, "a run each day leaves nothing behind"
            db.session.expire_all()

    def _run_of(self, day: date) -> int | None:
        """The run of a day; none where nobody undoes one, and so nothing has to be kept for it."""
        if self.undoes and day not in self.runs:
            now = _moment(day, RUN_AT)
            run = Run(through=day, state=RunState.DONE, started_by=WHO, started_at=now, heartbeat_at=now)
            db.session.add(run)
            db.session.flush()
            self.runs[day] = run.id
        return self.runs.get(day)

    def change(self, item: Place) -> None:
        """Make one change, as of its day."""
        try:
            if item.has("undo"):
                self._undo(item)
            elif item.has("since"):
                self._correct(item)
            elif item.has("assignment"):
                self._change_assignment(item)
            elif item.has("package"):
                self._change_package(item)
            else:
                self._change_customer(item)
        except RuleBroken as error:
            if isinstance(error, ScenarioRefused):
                raise
            whose = next((name for name in CHANGES if item.has(name)), "undo")
            raise item.broken(error, "frequency" if item.has("frequency") else whose) from error

    def _change_assignment(self, item: Place) -> None:
        on = item.day("on")
        assignment = item.one_of("assignment", self.assignments, "assignment")
        if item.has("quantity"):
            change_quantity(assignment, item.whole("quantity"), item.day("effective_from", on + ONE_DAY), on)
        if own := _own_prices(item):
            make_own_change(plan_own_change(assignment, own, item.day("effective_from", on + ONE_DAY), on))
        if item.has("end_date"):
            change_end(assignment, item.day("end_date", None), on, by=WHO, now=self._now())

    def _change_package(self, item: Place) -> None:
        on = item.day("on")
        package = item.one_of("package", self.packages, "package")
        effective_from = item.day("effective_from", on + ONE_DAY)
        stored = definition_of(package, effective_from)
        currency = self._currency(item, self.currency)
        if currency not in package.currencies and any(map(item.has, (*PRICES, "currency"))):
            raise item.refuse("currency", f"{package.name} has no prices in {currency}.")
        prices = tuple(
            PriceSet(currency, *(item.decimal(name, str(getattr(p, name))) for name in PRICES))
            if p.currency == currency
            else p
            for p in stored.prices
        )
        frequency = item.word("frequency", Frequency, stored.frequency)
        match = item.days("frequency_match") if item.has("frequency_match") else stored.frequency_match
        if frequency != stored.frequency and not item.has("frequency_match"):
            match = ()
        changed = replace(
            stored,
            prices=prices,
            frequency=frequency,
            frequency_match=match,
            proration=stored.proration or Proration.NONE,
        )
        make_change(plan_change(package, changed, effective_from, on, shown_on=effective_from))

    def _change_customer(self, item: Place) -> None:
        on = item.day("on")
        customer = item.one_of("customer", self.customers, "customer")
        change_tax_rate(customer, item.decimal("tax_rate"), item.day("effective_from", on + ONE_DAY), on)

    def _correct(self, item: Place) -> None:
        """Correct back to a day what was wrong since."""
        on, since, for_good = item.day("on"), item.day("since"), item.flag("for_good")
        act: dict[str, Any] = {"token": self._token(), "today": on, "by": WHO, "now": self._now()}
        if item.has("customer"):
            customer = item.one_of("customer", self.customers, "customer")
            rate = RateWanted(since, item.decimal("tax_rate"), for_good)
            post_rate(customer, rate, seen=plan_rate(customer, rate, on).fingerprint, **act)
            return
        if item.has("package"):
            prices: dict[str, Decimal | None] = {
                name: item.decimal(name) for name in PRICES if item.has(name)
            }
            whose = Whose(package=item.one_of("package", self.packages, "package"))
            currency = self._currency(item, self.currency)
            if whose.package and currency not in whose.package.currencies:
                raise item.refuse("currency", f"{whose.package.name} has no prices in {currency}.")
        else:
            assignment = item.one_of("assignment", self.assignments, "assignment")
            prices = _own_prices(item)
            whose, currency = Whose(assignment_ids=(assignment.id,)), assignment.customer.currency
        quantity = item.whole("quantity", None) if item.has("quantity") else None
        wanted = Wanted(since, currency, prices, quantity, for_good)
        post(wanted, whose, seen=plan(wanted, whose, on).fingerprint, **act)

    def _undo(self, item: Place) -> None:
        """Undo the run of a day, as far as nothing has followed it."""
        on, day = item.day("on"), item.day("undo")
        if day not in self.runs:
            raise item.refuse("undo", f"There is no run of {long_day(day)} by then: nothing was due on it.")
        undo = start_undoing(db.session.get_one(Run, self.runs[day]), UNDONE, by=WHO, now=_moment(on))
        undo_chunk(undo, [a.id for a in self.assignments.values()], Act(on, WHO, _moment(on)))
        undo.state, undo.finished_at = RunState.DONE, _moment(on)
        for assignment in self.assignments.values():
            # However much was undone, it is posted again: nobody is there to be asked.
            assignment.position.post_all_through = on
        db.session.flush()
        db.session.expire_all()

    # -- the answer

    def written(self) -> dict[str, Any]:
        """The charges posted from `from` on, read back from the database."""
        since = _moment(self.begins)
        mine = Charge.customer_id.in_([customer.id for customer in self.customers.values()])
        charges = list(db.session.scalars(select(Charge).where(mine, Charge.posted_at >= since)))
        number = {assignment.id: index for index, assignment in self.assignments.items()}
        charges.sort(
            key=lambda c: (c.charge_on, number[c.assignment_id or 0], ORDER[c.kind], c.period_from, c.number)
        )
        why = explain_all(charges)
        keys = {package.id: key for key, package in self.packages.items()}
        owners = {customer.id: key for key, customer in self.customers.items()}
        lines = [
            {
                "date": charge.charge_on.isoformat(),
                "customer": owners[charge.customer_id],
                "package": keys[charge.package_id or 0],
                "assignment": number[charge.assignment_id or 0],
                "kind": charge.kind.value,
                "period_from": None if charge.is_once else charge.period_from.isoformat(),
                "period_until": charge.period_until.isoformat() if charge.period_until else None,
                "quantity": charge.quantity,
                "unit_price": digits(charge.unit_price),
                "amount": plain(charge.amount, charge.currency),
                "cost": plain(charge.cost, charge.currency),
                "tax": plain(charge.tax, charge.currency),
                "why": why[charge.id],
            }
            for charge in charges
        ]
        return {"charges": lines, "total": self._sum(charges, "amount"), "cost": self._sum(charges, "cost")}

    def _sum(self, charges: list[Charge], name: str) -> Any:
        """The sum as a text; for more than one currency, a text for each."""
        sums: dict[str, Decimal] = {}
        for charge in charges:
            sums[charge.currency] = sums.get(charge.currency, Decimal(0)) + getattr(charge, name)
        texts = {currency: plain(amount, currency) for currency, amount in sorted(sums.items())}
        return texts if len(texts) > 1 else next(iter(texts.values()), plain(Decimal(0), self.currency))


def _moment(day: date, at: time = time()) -> datetime:
    return datetime.combine(day, at, UTC)


def _own_prices(item: Place) -> dict[str, Decimal | None]:
    """The own prices that an assignment or its change names; null is the package's price."""
    return {
        name: None if item.get(name, None) is None else item.decimal(name)
        for name in PRICES
        if item.has(name)
    }


def _check_change(item: Place) -> None:
    """Whether a change is of one thing, and says what of it changes; or undoes a run."""
    if item.has("undo"):
        item.only("on", "undo")
        return
    whose = [name for name in CHANGES if item.has(name)]
    if len(whose) != 1:
        raise item.refuse(
            whose[1] if whose else "on",
            "a change must name one assignment, package or customer, or undo a run.",
        )
    back = item.has("since")
    fields = (CORRECTIONS if back else CHANGES)[whose[0]]
    item.only("on", whose[0], *(("since", "for_good") if back else ("effective_from",)), *fields)
    if not any(map(item.has, fields)):
        raise item.refuse(whose[0], f"it changes nothing. Possible are: {', '.join(fields)}.")
