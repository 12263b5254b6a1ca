"""Whose a call is: customers by account code, name or number, and DIDs by number."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import Select, func, select

from portal.domain.names import folded
from portal.extensions import db
from portal.models import AccountCode, Assignment, Customer, Did
from portal.services.calls.destinations import bare
from portal.services.calls.values import Bad, Memo, as_written, short, shortened
from portal.services.csv_reading import SHORTENED
from portal.services.customers.customers import CUSTOMER_NUMBER

# As many DIDs as are kept in mind at once; beyond that they are looked up chunk by chunk.
IN_MIND = 200_000
AT_ONCE = 5_000


class Customers:
    """Customers as files name them: by account code, by name, or as #12. A bare 12 is some other system's number.

    Pages and commands find customers in the same order (portal.services.customers.customers.named).
    """

    def __init__(self) -> None:
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
            Customer.archived_on.is_not(None),
        )
        archived: set[str] = set()
        for id, name, key, currency, is_archived in db.session.execute(
            there.order_by(Customer.archived_on.is_not(None))
        ):
            self.names[id], self.currencies[id] = name, currency
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
        return (
            f"{self.called(id)} is archived. Take the customer back from the archive first."
            if id in self.archived
            else ""
        )

    def _named(self, text: str) -> int:
        id = self._find(as_written(text.strip()))
        if refusal := self.why_not(id):
            raise Bad(refusal)
        return id

    def _find(self, text: str) -> int:
        key = folded(text)
        if key in self.by_code:
            return self.by_code[key]
        if key in self.several:
            raise Bad(f"Several customers are called {short(text)}. Write the number of one, like #12.")
        if key in self.by_name:
            return self.by_name[key]
        if found := CUSTOMER_NUMBER.fullmatch(key):
            if int(found[1]) in self.names:
                return int(found[1])
            raise Bad(f"There is no customer {short(text)}.")
        if SHORTENED.fullmatch(text):
            raise Bad(shortened("account code", text))
        raise Bad(f"There is no customer {short(text)}: it is nobody's account code and nobody's name.")


class Dids:
    """DIDs by their digits: which it is and whose. Look up a chunk's numbers before asking for them.

    `before` holds the DIDs that another customer had before, as far as assignments say from when to when.
    """

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, int]] = {}
        self.before: dict[str, list[tuple[date, date, tuple[int, int]]]] = defaultdict(list)
        for number, id, customer_id, begins, end in db.session.execute(_moved()):
            self.before[number[1:]].append((begins, end or date.max, (id, customer_id)))
        count = db.session.scalar(select(func.count()).select_from(Did)) or 0
        self.all_in_mind = count <= IN_MIND
        if self.all_in_mind:
            self._add(select(Did.number, Did.id, Did.customer_id).where(Did.customer_id.is_not(None)))

    def on(self, number: str, day: str) -> tuple[int, int] | None:
        """Which DID a number is, and whose it was on a day; None for one that nobody has."""
        if number in self.before:
            for begins, end, whose in self.before[number]:
                if begins <= date.fromisoformat(day) <= end:
                    return whose
        return self.known.get(number)

    def look_up(self, numbers: Iterable[str]) -> None:
        """Read the DIDs among these numbers, where not all are kept in mind."""
        if self.all_in_mind:
            return
        self.known.clear()
        wanted = sorted({f"+{bare(number)}" for number in numbers})
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            query = select(Did.number, Did.id, Did.customer_id).where(Did.customer_id.is_not(None))
            self._add(query.where(Did.number.in_(some)))

    def _add(self, query: object) -> None:
        for number, id, customer_id in db.session.execute(query):  # type: ignore[call-overload]
            self.known[number[1:]] = (id, customer_id)


def _moved() -> Select[str, int, int, date, date | None]:
    """What was assigned on DIDs that are not with the customer any more who had them then."""
    return (
        select(Did.number, Did.id, Assignment.customer_id, Assignment.start_date, Assignment.end_date)
        .join(Assignment, Assignment.did_id == Did.id)
        .where(Assignment.customer_id.is_distinct_from(Did.customer_id))
        .order_by(Assignment.id)
    )
