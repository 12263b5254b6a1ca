"""Taking DIDs in: first what would come of it, line by line, then the same again, stored.

Good lines go in; every other line is named with its place and reason; doing it again changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import QUANTITY_MAX
from portal.domain.names import name_key, search_key
from portal.domain.phone_numbers import countries, country_of, international, read_number
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Customer, Did, Package
from portal.services import locking
from portal.services.assignments import assigning
from portal.services.assignments.assigning_many import FORM_TOKEN_MAX, assign_many
from portal.services.chunks import in_chunks
from portal.services.customers.customers import named
from portal.services.dids import whose
from portal.services.dids.lines import Line, Lines
from portal.services.once import Receipt, Sent, keep, was_sent


class TakenMeanwhile(RuleBroken):
    """Somebody else was quicker with one of the numbers."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to come of a DID: whose it is, and what is assigned to it. A line may say its own."""

    country: str = ""
    customer: Customer | None = None
    package: Package | None = None
    start_date: date | None = None
    quantity: int = 1
    charge_from: date | None = None

    @property
    def draft(self) -> assigning.Draft | None:
        """The assignment that each such DID gets, if it gets one."""
        if not self.package or not self.customer or not self.start_date:
            return None
        old = self.charge_from and self.charge_from > self.start_date
        charge_from = self.charge_from if old else None
        return assigning.Draft(
            self.package, self.customer, None, self.quantity, self.start_date, charge_from=charge_from
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One line worked out: a number to add, one that is there already, or the reason why it is neither."""

    line: Line
    number: str = ""
    wanted: Wanted = Wanted()
    there: Did | None = None
    reason: str = ""

    @property
    def is_new(self) -> bool:
        """Whether it would be added. A number that lies in the archive comes back from there."""
        return not self.reason and (self.there is None or self.there.archived_on is not None)


@dataclass(frozen=True, slots=True)
class Report:
    """What would come of the lines."""

    rows: list[Row]
    head: tuple[str, ...] = ("number",)
    ignored: tuple[str, ...] = ()
    new: list[Row] = field(init=False)
    there: list[Row] = field(init=False)
    bad: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        for name, rows in (
            ("new", [row for row in self.rows if row.is_new]),
            ("there", [row for row in self.rows if not row.is_new and not row.reason]),
            ("bad", [row for row in self.rows if row.reason]),
        ):
            object.__setattr__(self, name, rows)

    def fingerprint(self) -> str:
        """A digest of what would be added: two reports with the same one do the same."""
        digest = sha256()
        for row in self.new:
            it = row.wanted
            ids = (it.customer and it.customer.id, it.package and it.package.id)
            digest.update(repr((row.number, ids, it.start_date, it.quantity, it.charge_from)).encode())
        return digest.hexdigest()

    def file_of_bad_lines(self) -> list[tuple[str, ...]]:
        """The bad lines as they stood, each with its place and reason, to be mended and sent again."""
        return [(str(row.line.place), row.reason, *row.line.cells) for row in self.bad]


def check(lines: Lines, wanted: Wanted) -> Report:
    """What would come of these lines. It stores nothing."""
    return Report(list(_Checking(wanted).rows(lines)), lines.head, lines.ignored)


class _Checking:
    """One check, and what it looks up only once."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.first_place: dict[str, int] = {}
        self.customers: dict[str, Customer | str] = {}
        self.packages: dict[str, Package | str] = {}
        self.refusals: dict[Wanted, str] = {}

    def rows(self, lines: Lines) -> Iterator[Row]:
        """Every line, worked out."""
        read = [self._row(line) for line in lines.lines]
        there = _stored([row.number for row in read if row.number])
        for row in read:
            yield replace(row, there=there.get(row.number))

    def _row(self, line: Line) -> Row:
        try:
            wanted = self._wanted(line.says)
            number = read_number(line.says.get("number", ""), wanted.country)
            first = self.first_place.setdefault(number, line.place)
            if first != line.place:
                raise ValueError(f"Same number as in line {first}.")
        except (ValueError, RuleBroken) as error:
            return Row(line, reason=str(error))
        return Row(line, number, wanted)

    def _wanted(self, says: dict[str, str]) -> Wanted:
        """What the line says, and where it says nothing, the form. ValueError or RuleBroken says why not."""
        if "more" in says:
            raise ValueError(
                "This line has more cells than expected. Add a first line that names the columns."
            )
        form = self.wanted
        wanted = Wanted(
            _country(says["country"]) if says.get("country") else form.country,
            self._customer(says["customer"]) if says.get("customer") else form.customer,
            self._package(says["package"]) if says.get("package") else form.package,
            _day(says["start_date"]) if says.get("start_date") else form.start_date,
            _quantity(says["quantity"]) if says.get("quantity") else form.quantity,
            form.charge_from,
        )
        if wanted not in self.refusals:
            self.refusals[wanted] = _why_not(wanted)
        if reason := self.refusals[wanted]:
            raise ValueError(reason)
        return wanted

    def _customer(self, text: str) -> Customer:
        if text not in self.customers:
            try:
                self.customers[text] = named(text)
            except Invalid as error:
                self.customers[text] = error.sentence
        found = self.customers[text]
        if isinstance(found, str):
            raise ValueError(found)
        return found

    def _package(self, text: str) -> Package:
        if text not in self.packages:
            self.packages[text] = _package_named(text)
        found = self.packages[text]
        if isinstance(found, str):
            raise ValueError(found)
        return found


def _why_not(wanted: Wanted) -> str:
    """What stands against taking a DID in like this; empty where nothing does."""
    if wanted.customer and wanted.customer.archived_on:
        return f"{wanted.customer.name} is archived."
    if wanted.package and not wanted.customer:
        return f"{wanted.package.name} is assigned to a DID of a customer: name the customer."
    if wanted.package and not wanted.start_date:
        return f"Enter the day from which {wanted.package.name} is assigned."
    if draft := wanted.draft:
        try:
            assigning.check(draft)
        except RuleBroken as error:
            return error.sentence
    return ""


def _country(text: str) -> str:
    known = countries()
    code = text.upper()
    if code in known:
        return code
    by_name = {search_key(name): code for code, name in known.items()}
    if search_key(text) not in by_name:
        raise ValueError(f"{text[:60]} is not a country. Enter its code, such as GB.")
    return by_name[search_key(text)]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{text[:60]} is not a date. Enter it as in 2026-11-30.")
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{text} is not between {FIRST_DAY.year} and {LAST_DAY.year}.")
    return day


def _quantity(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= QUANTITY_MAX):
        raise ValueError(f"Quantity {text[:60]} is not a whole number from 1 to {whole(QUANTITY_MAX)}.")
    return int(text)


def _package_named(text: str) -> Package | str:
    """The package on sale that is called so, or why there is none."""
    query = select(Package).where(Package.name_key == name_key(text))
    found = list(db.session.scalars(query.order_by(Package.id)))
    on_sale = [package for package in found if not package.archived_on]
    if len(on_sale) > 1:
        return f"{len(on_sale)} packages are called {on_sale[0].name}. Give them different names."
    if on_sale:
        return on_sale[0]
    return (
        f"{found[0].name} is archived: it is off sale."
        if found
        else f"There is no package called {text[:120]}."
    )


def _stored(numbers: list[str]) -> dict[str, Did]:
    """The DIDs that are there already."""
    found: dict[str, Did] = {}
    for some in in_chunks(numbers):
        query = select(Did).where(Did.number.in_(some))
        found.update((did.number, did) for did in db.session.scalars(query))
    return found


def lock_report(report: Report) -> None:
    """Lock what the report speaks of, and read it anew: numbers in the archive, customers, packages."""
    said = [row.wanted for row in report.rows]
    locking.lock(Did, [row.there.id for row in report.new if row.there])
    locking.lock(Customer, [it.customer.id for it in said if it.customer])
    locking.lock(Package, [it.package.id for it in said if it.package], shared=True)


def take_in(report: Report, *, token: str, by: str, now: datetime, today: date | None = None) -> list[Did]:
    """Store what the report says would be added, and assign what is to be assigned.

    TakenMeanwhile where somebody else has just added one of the numbers. Invalid and AlreadySent as of `once`.
    """
    sent = _sent(report, token)
    if was_sent(sent):
        return [row.there for row in report.rows if row.there]
    if not report.new:
        return []
    lock_report(report)
    dids = [_stock(row, now) for row in report.new]
    try:
        with db.session.begin_nested():
            db.session.add_all(dids)
            db.session.flush()
            keep(sent, _receipt(dids))
    except IntegrityError:
        if was_sent(sent):
            return list(_stored([row.number for row in report.new]).values())
        raise TakenMeanwhile(
            "Somebody else has just added some of these numbers. Check the list again."
        ) from None
    whose.keep_new(dids, today or now.date())
    # New here: nothing can be assigned to them yet, so there is nothing to ask about.
    drafts = [
        replace(row.wanted.draft, did=did)
        for row, did in zip(report.new, dids, strict=True)
        if row.wanted.draft
    ]
    if drafts:
        assign_many(drafts, token=token, by=by, now=now)
    return dids


def taken_before(report: Report, token: str) -> list[Did] | None:
    """The DIDs that are there, where the same form was sent before; None where it was not. AlreadySent as of `once`."""
    if not was_sent(_sent(report, token)):
        return None
    return [row.there for row in report.rows if row.there]


def _sent(report: Report, token: str) -> Sent:
    """The lines, and what is to come of each: the same whether the numbers are there by now or not."""
    content = [(row.line.place, row.line.cells, row.number, row.wanted) for row in report.rows]
    return Sent("DIDs", token, content, token_max=FORM_TOKEN_MAX)


def _receipt(dids: list[Did]) -> Receipt:
    if len(dids) == 1:
        name = international(dids[0].number)
        return f"{name} was added", WayOut(f"See {name}", "dids.show", {"did_id": dids[0].id})
    return f"{whole(len(dids))} DIDs were added", WayOut("See the DIDs", "dids.index", {"sort": "-added"})


def _stock(row: Row, now: datetime) -> Did:
    did = row.there or Did(number=row.number, country=country_of(row.number), created_at=now)
    did.archived_on = None
    did.customer = row.wanted.customer
    return did
