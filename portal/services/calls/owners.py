"""Whose a call is: customers by account code, name or number, and DIDs by number."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from portal.domain.csv_files.cells import SHORTENED, Bad, Memo, as_written, short, shortened
from portal.domain.names import CUSTOMER_NUMBER, name_key
from portal.domain.schedule import LAST_DAY, ONE_DAY
from portal.extensions import db
from portal.models import AccountCode, Assignment, Customer, Did, DidOwner
from portal.services.chunks import in_chunks

# As many DIDs as are kept in mind at once; beyond that they are looked up chunk by chunk.
IN_MIND = 200_000
AT_ONCE = 5_000
# Before and after all days, as days are written in files.
EVER, NEVER = "", "9999"
# How the sentence begins that names somebody whom nobody knows.
UNKNOWN = "There is no customer "
# A DID and its customer, by their ids.
Owner = tuple[int, int]


def _stamp() -> tuple[int, ...]:
    """What becomes another whenever a customer is added or changed. They are never removed."""
    sums = select(func.count(), func.sum(Customer.id), func.sum(Customer.version))
    return _numbers(sums)


def _moved(since: date) -> tuple[int, ...]:
    """What becomes another whenever a DID is removed, or taken in or moved on a day `since` or later.

    The first of it is how many there are. Whose they are is kept by days: not all of them have to be gone through.
    """
    weighed = DidOwner.did_id * func.coalesce(DidOwner.customer_id, 0)
    count = select(func.count()).select_from(Did).scalar_subquery()
    sums = select(count, func.count(), func.sum(DidOwner.did_id), func.sum(weighed))
    return _numbers(sums.where(DidOwner.effective_from >= since))


def _numbers(query: Select[*tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(int(value or 0) for value in db.session.execute(query).one())


class Customers:
    """Customers as files name them: by account code, by name, or as #12. A bare 12 is some other system's number.

    Pages and commands find customers in the same order (portal.services.customers.customers.named).
    """

    def __init__(self) -> None:
        # Read first: what changes between this and the rest is read once more, never missed.
        self.stamp = _stamp()
        self.versions: dict[int, int] = {}
        self.by_name: dict[str, int] = {}
        self.by_code: dict[str, int] = {}
        self.several: set[str] = set()
        self.names: dict[int, str] = {}
        self.currencies: dict[int, str] = {}
        self.archived: set[int] = set()
        # A name is that of the customer who is there; of one who was archived only where nobody else has it.
        there = select(
            Customer.id,
            Customer.name,
            Customer.name_key,
            Customer.currency,
            Customer.version,
            Customer.archived_on.is_not(None),
        )
        archived: set[str] = set()
        for id, name, key, currency, version, is_archived in db.session.execute(
            there.order_by(Customer.archived_on.is_not(None))
        ):
            self.names[id], self.currencies[id], self.versions[id] = name, currency, version
            if is_archived:
                self.archived.add(id)
            if key not in self.by_name:
                self.by_name[key] = id
                if is_archived:
                    archived.add(key)
            elif not is_archived or key in archived:
                self.several.add(key)
        for key, id in db.session.execute(select(AccountCode.key, AccountCode.customer_id)):
            self.by_code[key] = id
        self.named: Memo[int] = Memo(self._named)
        self.known: Memo[bool] = Memo(self._is_known)

    def have_changed(self) -> bool:
        """Whether one was added or changed since: a name, a code, a currency, or whether they are there."""
        return _stamp() != self.stamp

    def called(self, id: int) -> str:
        """A customer as sentences call them."""
        return f"{self.names.get(id, 'Customer')} (#{id})"

    def currency_of(self, id: int) -> str:
        """What a customer is charged in; also of one who was added since the file was begun."""
        if id not in self.currencies:
            customer = db.session.get_one(Customer, id)
            self.names[id], self.currencies[id] = customer.name, customer.currency
        return self.currencies[id]

    def why_not(self, id: int) -> str:
        """What stands against charging calls to them; empty where nothing does."""
        return f"{self.called(id)} is archived. Restore the customer first." if id in self.archived else ""

    def knows(self, text: str) -> bool:
        """Whether a code, a name or a number is that of a customer, or of several."""
        return self.known[text]

    def _is_known(self, text: str) -> bool:
        key = name_key(as_written(text.strip()))
        found = CUSTOMER_NUMBER.fullmatch(key)
        is_number = found is not None and int(found[1]) in self.names
        return key in self.by_code or key in self.by_name or key in self.several or is_number

    def _named(self, text: str) -> int:
        id = self._find(as_written(text.strip()))
        if refusal := self.why_not(id):
            raise Bad(refusal)
        return id

    def _find(self, text: str) -> int:
        key = name_key(text)
        if key in self.by_code:
            return self.by_code[key]
        if key in self.several:
            raise Bad(f"Several customers are called {short(text)}. Use a customer number, such as #12.")
        if key in self.by_name:
            return self.by_name[key]
        if found := CUSTOMER_NUMBER.fullmatch(key):
            if int(found[1]) in self.names:
                return int(found[1])
            raise Bad(f"There is no customer {short(text)}.")
        if SHORTENED.fullmatch(text):
            raise shortened("account code", text)
        raise Bad(f"{UNKNOWN}{short(text)}: it is neither an account code nor a name.")


class Dids:
    """DIDs by their digits: which it is and whose. Look up a chunk's numbers before asking for them.

    `known` is with whom each is now. `spans` has those that were not always with whom they are: spans of days
    [begins, until), days as files are read (2026-11-30), the first span that holds a day counts. What was kept by days
    stands first; for days before that, the assignments on the DID; then, with whom it was when it was first kept.
    """

    def __init__(self, today: date) -> None:
        # What moves from now on moves today at the earliest, or the day before, should the time zone change.
        self.since = today - 2 * ONE_DAY
        self.stamp = _moved(self.since)
        self.versions: dict[int, int] = {}
        self.known: dict[str, Owner] = {}
        self.spans: dict[str, list[tuple[str, str, Owner | None]]] = defaultdict(list)
        self.all_in_mind = self.stamp[0] <= IN_MIND
        if self.all_in_mind:
            self._add()

    def have_changed(self) -> bool:
        """Whether one was taken in, moved or removed since. Those that are looked up are looked up anew each time."""
        return self.all_in_mind and _moved(self.since) != self.stamp

    def on(self, number: str, day: str) -> Owner | None:
        """Which DID a number is, and whose it was on a day; None for one that nobody had."""
        if number in self.spans:
            for begins, until, owner in self.spans[number]:
                if begins <= day < until:
                    return owner
        return self.known.get(number)

    def look_up(self, numbers: Iterable[str]) -> None:
        """Read the DIDs among these numbers (digits with their country code), where not all are kept in mind."""
        if self.all_in_mind:
            return
        self.known.clear()
        self.spans.clear()
        self.versions.clear()
        wanted = sorted({f"+{number}" for number in numbers})
        for some in in_chunks(wanted, AT_ONCE):
            self._add(Did.number.in_(some))

    def _add(self, *which: ColumnElement[bool]) -> None:
        now = select(Did.number, Did.id, Did.customer_id, Did.version).where(*which)
        for number, id, customer_id, version in db.session.execute(now):
            self.versions[id] = version
            if customer_id:
                self.known[number[1:]] = (id, customer_id)
        first: dict[str, tuple[str, Owner | None]] = {}
        until: dict[str, str] = {}
        for number, id, effective_from, customer_id in db.session.execute(_kept().where(*which)):
            begins, owner = effective_from.isoformat(), (id, customer_id) if customer_id else None
            self.spans[number[1:]].append((begins, until.get(number, NEVER), owner))
            until[number] = begins
            first[number] = (begins, owner)
        for number, id, customer_id, start_date, end_date, kept_from in db.session.execute(
            _assigned_before().where(*which)
        ):
            last = end_date or LAST_DAY
            ends = min((last + ONE_DAY).isoformat(), kept_from.isoformat() if kept_from else NEVER)
            self.spans[number[1:]].append((start_date.isoformat(), ends, (id, customer_id)))
        for number, (begins, owner) in first.items():
            self.spans[number[1:]].append((EVER, begins, owner))


def _kept() -> Select[str, int, date, int | None]:
    """What is kept by days of DIDs that have moved, the latest of each first."""
    another = aliased(DidOwner)
    moved = exists().where(
        another.did_id == DidOwner.did_id, another.effective_from != DidOwner.effective_from
    )
    return (
        select(Did.number, Did.id, DidOwner.effective_from, DidOwner.customer_id)
        .join(DidOwner, DidOwner.did_id == Did.id)
        .where(moved)
        .order_by(DidOwner.did_id, DidOwner.effective_from.desc())
    )


def _assigned_before() -> Select[str, int, int, date, date | None, date | None]:
    """What was assigned on DIDs before it was kept whose they are, where that says another than has it now."""
    kept_from = (
        select(func.min(DidOwner.effective_from))
        .where(DidOwner.did_id == Did.id)
        .correlate(Did)
        .scalar_subquery()
    )
    latest = aliased(DidOwner)
    has_moved = exists().where(latest.did_id == Did.id, latest.effective_from > kept_from)
    return (
        select(
            Did.number, Did.id, Assignment.customer_id, Assignment.start_date, Assignment.end_date, kept_from
        )
        .join(Assignment, Assignment.did_id == Did.id)
        .where(or_(Assignment.customer_id.is_distinct_from(Did.customer_id), has_moved))
        .where(or_(kept_from.is_(None), Assignment.start_date < kept_from))
        .where(Assignment.withdrawn_on.is_(None))
        .order_by(Assignment.id)
    )
