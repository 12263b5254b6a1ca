"""Notes by their words, the newest first: of three letters and more, as shorter ones are in nearly all."""

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.domain.searching import Rank, Typed
from portal.domain.wording import day
from portal.extensions import db
from portal.models import Note
from portal.services.parts import LETTERS, threes_of, with_threes
from portal.services.search.hits import SHOWN, Hit, Hits, Kind, best
from portal.services.search.words import holds_letters, ids_of

# So much of a note is its name.
LETTERS_SHOWN = 80


def find_notes(typed: Typed) -> Hits:
    """The notes that hold all the words."""
    threes = set().union(*map(threes_of, typed.words))
    if not threes or any(len(word) < LETTERS for word in typed.words):
        return Hits(Kind.NOTE)
    way = with_threes(Note, threes, Note.id).where(*(holds_letters(Note, word) for word in typed.words))
    ids, more = ids_of([way])
    if not ids:
        return Hits(Kind.NOTE)
    shown = sorted(ids, reverse=True)[: SHOWN + 1]
    query = select(Note).where(Note.id.in_(shown)).options(joinedload(Note.customer))
    rows = [
        Hit(
            Kind.NOTE,
            note.id,
            _begun(note.text),
            Rank.WITHIN,
            "by its words",
            (note.customer.name, _known(note)),
        )
        for note in db.session.scalars(query.order_by(Note.id.desc()))
    ]
    return best(Kind.NOTE, rows, more)


def _begun(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LETTERS_SHOWN else words[:LETTERS_SHOWN].rstrip() + "…"


def _known(note: Note) -> str:
    if note.waits and note.come_back_on:
        return f"come back on {day(note.come_back_on)}"
    return "done" if note.done_at else f"of {day(note.created_at.date())}"
