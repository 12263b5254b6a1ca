"""Whose a call is: customers by name, number or token, and DIDs by number."""

from collections.abc import Iterable

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Customer, Did
from portal.services.calls.values import Bad, Memo, short
from portal.services.destinations import bare

# As many DIDs as are kept in mind at once; beyond that they are looked up chunk by chunk.
IN_MIND = 200_000
AT_ONCE = 5_000


class Customers:
    """Customers as files name them: by name, `#12`, 12, or their token."""

    def __init__(self) -> None:
        self.by_name: dict[str, int] = {}
        self.by_token: dict[str, int] = {}
        self.several: set[str] = set()
        for id, name, token in db.session.execute(select(Customer.id, Customer.name, Customer.token)):
            key = " ".join(name.casefold().split())
            if key in self.by_name:
                self.several.add(key)
            self.by_name[key], self.by_token[token] = id, id
        self.ids = set(self.by_token.values())
        self.named: Memo[int] = Memo(self._find)

    def _find(self, text: str) -> int:
        key = " ".join(text.casefold().split())
        if key in self.several:
            raise Bad(f"Several customers are called {short(text)}. Write the number of one, like #12.")
        if key in self.by_name:
            return self.by_name[key]
        number = key.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 19 and int(number) in self.ids:
            return int(number)
        if text.strip() in self.by_token:
            return self.by_token[text.strip()]
        raise Bad(f"There is no customer {short(text)}.")


class Dids:
    """DIDs by their digits: which it is and whose. Look up a chunk's numbers before asking for them."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, int]] = {}
        count = db.session.scalar(select(func.count()).select_from(Did)) or 0
        self.all_in_mind = count <= IN_MIND
        if self.all_in_mind:
            self._add(select(Did.number, Did.id, Did.customer_id).where(Did.customer_id.is_not(None)))

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
