"""Taking DIDs in: first what would come of it, line by line, then the same again, stored.

Good lines go in; every other line is named with its place and reason; doing it again changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.csv_files.cells import is_nothing
from portal.domain.csv_files.dates import EitherOrder, read_day
from portal.domain.csv_files.layout import DayOrder
from portal.domain.did_files.layout import DidLayout
from portal.domain.did_files.numbers import read_numbers
from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.money import QUANTITY_MAX
from portal.domain.names import name_key, search_key
from portal.domain.phone_numbers import countries, country_of, international
from portal.domain.schedule import FIRST_DAY, LAST_DAY
from portal.domain.wording import plural, whole
from portal.extensions import db
from portal.models import Assignment, Customer, Did, Package
from portal.services import locking
from portal.services.assignments import assigning
from portal.services.assignments.assigning_many import FORM_TOKEN_MAX, assign_many
from portal.services.chunks import in_chunks
from portal.services.customers.customers import named
from portal.services.dids import whose
from portal.services.dids.dids import MANY
from portal.services.dids.lines import TOO_MANY, Line, Lines
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
    """One number worked out: to be added, or there already, or the reason why it is neither.

    One that is there may get the package that its line names, where somebody says so: `note` is why it cannot;
    `has_it` is set where it has that package already.
    """

    line: Line
    number: str = ""
    wanted: Wanted = Wanted()
    there: Did | None = None
    reason: str = ""
    note: str = ""
    has_it: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it would be added. A number that lies in the archive comes back from there."""
        return not self.reason and (self.there is None or self.there.archived_on is not None)

    @property
    def draft(self) -> assigning.Draft | None:
        """The assignment that the DID, which is there, would get."""
        return self.wanted.draft and replace(self.wanted.draft, did=self.there)


@dataclass(frozen=True, slots=True)
class Yes:
    """What somebody has said yes to, of DIDs that are there already: to assign packages; to assign them twice."""

    there: bool = False
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What would come of the lines.

    Of those that are `there`, some could get a package: `unassigned` do not have it, those who get it a `second` time
    do. Who gets one, because somebody said `yes`, is in `assigned`.
    """

    rows: list[Row]
    head: tuple[str, ...] = ("number",)
    ignored: tuple[str, ...] = ()
    yes: Yes = Yes()
    layout: DidLayout | None = None
    new: list[Row] = field(init=False)
    there: list[Row] = field(init=False)
    bad: list[Row] = field(init=False)
    unassigned: list[Row] = field(init=False)
    second: list[Row] = field(init=False)
    assigned: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        there = [row for row in self.rows if not row.is_new and not row.reason]
        could = [row for row in there if row.wanted.package and not row.note]
        unassigned = [row for row in could if not row.has_it]
        second = [row for row in could if row.has_it]
        for name, rows in (
            ("new", [row for row in self.rows if row.is_new]),
            ("there", there),
            ("bad", [row for row in self.rows if row.reason]),
            ("unassigned", unassigned),
            ("second", second),
            ("assigned", (unassigned if self.yes.there else []) + (second if self.yes.twice else [])),
        ):
            object.__setattr__(self, name, rows)

    @property
    def does_something(self) -> bool:
        """Whether anything would be added or assigned."""
        return bool(self.new or self.assigned)

    @property
    def charged(self) -> list[Row]:
        """Those that get a package."""
        return [row for row in self.new if row.wanted.package] + self.assigned

    def fingerprint(self) -> str:
        """A digest of what would be added and assigned: two reports with the same one do the same."""
        digest = sha256()
        for row in (*self.new, *self.assigned):
            it = row.wanted
            ids = (it.customer and it.customer.id, it.package and it.package.id)
            digest.update(repr((row.number, ids, it.start_date, it.quantity, it.charge_from)).encode())
        return digest.hexdigest()

    def file_of_bad_lines(self) -> list[tuple[str, ...]]:
        """The bad lines as they stood, each with its place and reason, to be mended and sent again."""
        return [(str(row.line.place), row.reason, *row.line.cells) for row in self.bad]


def wanted_named(country: str, customer: str | None, package: str | None, start_date: date) -> Wanted:
    """What is to come of lines that do not say it, each thing by its name. ValueError or Invalid says why not."""
    found = _package_named(package) if package else None
    if isinstance(found, str):
        raise ValueError(found)
    return Wanted(
        _country(country) if country else "", named(customer) if customer else None, found, start_date
    )


def check(lines: Lines, wanted: Wanted, yes: Yes = Yes()) -> Report:
    """What would come of these lines. It stores nothing. Invalid where they are of too many numbers."""
    return Report(
        list(_Checking(wanted, lines.layout).rows(lines)), lines.head, lines.ignored, yes, lines.layout
    )


class _Checking:
    """One check, and what it looks up only once."""

    def __init__(self, wanted: Wanted, layout: DidLayout) -> None:
        self.wanted, self.layout = wanted, layout
        self.first_place: dict[str, int] = {}
        self.customers: dict[str, Customer | str] = {}
        self.packages: dict[str, Package | str] = {}
        self.refusals: dict[Wanted, str] = {}

    def rows(self, lines: Lines) -> Iterator[Row]:
        """Every number of every line, worked out."""
        read: list[Row] = []
        for line in lines.lines:
            read.extend(self._rows(line))
            if len(read) > MANY:
                raise Invalid("file", TOO_MANY.format(f"more than {whole(MANY)}", "numbers"))
        there = _stored([row.number for row in read if row.number])
        held = _held([there[row.number] for row in read if row.wanted.package and row.number in there])
        for row in read:
            yield row if row.reason else self._judged(replace(row, there=there.get(row.number)), held)

    def _rows(self, line: Line) -> Iterator[Row]:
        """The numbers of a line; for those that a line above it has, one row that says so."""
        try:
            wanted = self._wanted(line.says)
            says = line.says
            numbers = read_numbers(
                says.get("number", ""), says.get("last", ""), wanted.country, self.layout, MANY
            )
        except (ValueError, RuleBroken) as error:
            yield Row(line, reason=str(error))
            return
        again: dict[str, int] = {}
        for number in numbers:
            first = self.first_place.setdefault(number, line.place)
            if first != line.place:
                again[number] = first
            else:
                yield Row(line, number, wanted)
        if again:
            yield Row(line, reason=_twice(again, len(numbers)))

    def _judged(self, row: Row, held: "Held") -> Row:
        """A row with what stands against it."""
        did, wanted = (row.there, row.wanted) if not row.is_new else (None, row.wanted)
        if did and did.customer and wanted.package and not wanted.customer:
            wanted = replace(wanted, customer=did.customer)
        note = "" if did is None else _note(did, wanted)
        if note:
            return replace(row, wanted=wanted, note=note)
        if wanted not in self.refusals:
            self.refusals[wanted] = _why_not(wanted)
        if reason := self.refusals[wanted]:
            return Row(row.line, reason=reason)
        return replace(row, wanted=wanted, has_it=bool(did) and _has(held, did, wanted))

    def _wanted(self, says: dict[str, str]) -> Wanted:
        """What the line says, and where it says nothing, the form. ValueError or RuleBroken says why not."""
        if "more" in says:
            raise ValueError(
                "This line has more cells than expected. Add a first line that names the columns."
            )
        form, says = self.wanted, {name: text for name, text in says.items() if not is_nothing(text)}
        return Wanted(
            _country(says["country"]) if "country" in says else form.country,
            self._customer(says["customer"]) if "customer" in says else form.customer,
            self._package(says["package"]) if "package" in says else form.package,
            _day(says["start_date"], self.layout.day_order) if "start_date" in says else form.start_date,
            _quantity(says["quantity"]) if "quantity" in says else form.quantity,
            form.charge_from,
        )

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


def _twice(again: dict[str, int], count: int) -> str:
    """That a line above has some of a line's numbers."""
    first = next(iter(again.values()))
    if count == 1:
        return f"Same number as in line {first}."
    lines = sorted(set(again.values()))
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines from {lines[0]} on"
    return (
        f"{plural(len(again), 'number')} of this range {'is' if len(again) == 1 else 'are'} in {where} too."
    )


# -- what DIDs that are there already could get

# The last days, None where there is none, of each package that a DID's customer has on it.
Held = dict[tuple[int | None, int, int], list[date | None]]


def _held(dids: list[Did]) -> Held:
    found: Held = defaultdict(list)
    columns = Assignment.did_id, Assignment.customer_id, Assignment.package_id, Assignment.end_date
    for some in in_chunks([did.id for did in dids]):
        query = select(*columns).where(Assignment.did_id.in_(some), Assignment.withdrawn_on.is_(None))
        for did_id, customer_id, package_id, end_date in db.session.execute(query):
            found[did_id, customer_id, package_id].append(end_date)
    return found


def _has(held: Held, did: Did | None, wanted: Wanted) -> bool:
    """Whether a DID has the package already, on some of the days from its start on."""
    assert (did and wanted.start_date) or not wanted.package
    if not did or not wanted.package or not wanted.start_date or did.customer_id is None:
        return False
    ends = held.get((did.id, did.customer_id, wanted.package.id), ())
    return any(end is None or end >= wanted.start_date for end in ends)


def _note(did: Did, wanted: Wanted) -> str:
    """Why a DID that is there can get nothing; empty where nothing is to come of it, or it can."""
    if did.customer is None:
        return "It is in stock: give it to a customer first." if wanted.package or wanted.customer else ""
    if wanted.customer and wanted.customer.id != did.customer_id:
        return f"It is with {did.customer.name}, not with {wanted.customer.name}: nothing changes."
    return ""


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


def _day(text: str, order: DayOrder) -> date:
    try:
        day = read_day(text, order)
    except EitherOrder:
        raise ValueError(
            f"{text[:60]} is not clear: the day or the month may be first. Enter it as in 2026-11-30."
        ) from None
    except ValueError:
        raise ValueError(f"{text[:60]} is not a date. Enter it as in 2026-11-30.") from None
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
    """Lock what the report speaks of, and read it anew: numbers that are there and change, customers, packages."""
    said = [row.wanted for row in report.rows]
    locking.lock(Did, [row.there.id for row in (*report.new, *report.assigned) if row.there])
    locking.lock(Customer, [it.customer.id for it in said if it.customer])
    locking.lock(Package, [it.package.id for it in said if it.package], shared=True)


def take_in(report: Report, *, token: str, by: str, now: datetime, today: date | None = None) -> list[Did]:
    """Store what the report says would be added, and assign what is to be assigned; the DIDs that were added.

    TakenMeanwhile where somebody else has just added one of the numbers. Invalid and AlreadySent as of `once`.
    """
    sent = _sent(report, token)
    if was_sent(sent):
        return [row.there for row in report.rows if row.there]
    if not report.does_something:
        return []
    lock_report(report)
    dids = [_stock(row, now) for row in report.new]
    try:
        with db.session.begin_nested():
            db.session.add_all(dids)
            db.session.flush()
            keep(sent, _receipt(dids, report))
    except IntegrityError:
        if was_sent(sent):
            return list(_stored([row.number for row in report.new]).values())
        raise TakenMeanwhile(
            "Somebody else has just added some of these numbers. Check the list again."
        ) from None
    whose.keep_new(dids, today or now.date())
    drafts = [
        replace(row.wanted.draft, did=did)
        for row, did in zip(report.new, dids, strict=True)
        if row.wanted.draft
    ] + [row.draft for row in report.assigned if row.draft]
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
    rows = [(row.line.place, row.line.cells, row.number, row.wanted) for row in report.rows]
    return Sent("DIDs", token, [rows, report.yes], token_max=FORM_TOKEN_MAX)


def _receipt(dids: list[Did], report: Report) -> Receipt:
    if not dids:
        count = plural(len(report.assigned), "DID")
        way = WayOut("See the DIDs", "dids.index", {"sort": "-added"})
        return f"packages were assigned to {count} that {_were(report)} there already", way
    if len(dids) == 1:
        name = international(dids[0].number)
        return f"{name} was added", WayOut(f"See {name}", "dids.show", {"did_id": dids[0].id})
    return f"{whole(len(dids))} DIDs were added", WayOut("See the DIDs", "dids.index", {"sort": "-added"})


def _were(report: Report) -> str:
    return "was" if len(report.assigned) == 1 else "were"


def _stock(row: Row, now: datetime) -> Did:
    did = row.there or Did(number=row.number, country=country_of(row.number), created_at=now)
    did.archived_on = None
    did.customer = row.wanted.customer
    return did
