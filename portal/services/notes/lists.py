"""Finding notes: those of a customer, those to come back to, by their words."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import joinedload

from portal.domain.names import search_words
from portal.extensions import db
from portal.models import Note
from portal.services.listing import Page, Sort, count, page
from portal.services.parts import holds

NEWEST = Sort((Note.id,), descending=True)
# What waits longest first.
BY_DAY = Sort((Note.come_back_on, Note.id))
DUE, COMING, DONE, ALL = STATES = ("due", "coming", "done", "all")


@dataclass(frozen=True, slots=True)
class Sought:
    """What notes are looked for. `by` is who wrote them; empty: whoever did."""

    text: str = ""
    state: str = DUE
    customer_id: int | None = None
    by: str = ""

    @property
    def sort(self) -> Sort:
        """In which order they are listed."""
        return BY_DAY if self.state in (DUE, COMING) else NEWEST


def find_notes(sought: Sought, today: date) -> Select[Note]:
    """The notes that hold every word, and are as was chosen."""
    query = select(Note).where(*(holds(Note, word) for word in search_words(sought.text)))
    query = query.where(*_in_state(sought.state, today))
    if sought.customer_id is not None:
        query = query.where(Note.customer_id == sought.customer_id)
    return query.where(Note.created_by == sought.by) if sought.by else query


def _in_state(state: str, today: date) -> tuple[ColumnElement[bool], ...]:
    waits = (Note.come_back_on.is_not(None), Note.done_at.is_(None))
    if state == DUE:
        return (*waits, Note.come_back_on <= today)
    if state == COMING:
        return (*waits, Note.come_back_on > today)
    return (Note.done_at.is_not(None),) if state == DONE else ()


def of_customer(customer_id: int, most: int) -> Page[Note]:
    """A customer's newest notes, and how many there are in all."""
    return page(select(Note).where(Note.customer_id == customer_id), NEWEST, size=most)


@dataclass(frozen=True, slots=True)
class Due:
    """How many notes are due, as lists count them, how many of them somebody wrote themselves, and the first of all."""

    everybodys: int
    own: int
    first: Note


def due(today: date, by: str) -> Due | None:
    """What is to be come back to today, as it is told to one person; None where nothing is."""
    everybodys = find_notes(Sought(), today)
    first = everybodys.order_by(*BY_DAY.columns).limit(1).options(joinedload(Note.customer))
    found = db.session.scalars(first).first()
    if found is None:
        return None
    return Due(count(everybodys), count(find_notes(Sought(by=by), today)), found)
