"""Writing a note on a customer, changing it, and saying that one has come back to it.

Whoever may change anything writes notes and ticks them off; a note's words are changed and removed by who wrote it, or
by an owner. The audit log keeps what it said.
"""

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.schedule import LAST_DAY
from portal.domain.wording import whole
from portal.extensions import db
from portal.models import Customer, Note
from portal.services import locking
from portal.services.once import Receipt, Sent, once

LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Writer:
    """Who is at it: their e-mail, and whether they are an owner."""

    email: str
    is_owner: bool = False

    def may_change(self, note: Note) -> bool:
        """Whether the words of a note are theirs to change."""
        return self.is_owner or note.created_by == self.email


def add(
    customer: Customer,
    words: str,
    come_back_on: date | None,
    *,
    token: str,
    by: str,
    today: date,
    now: datetime,
) -> Note:
    """Write a note on a customer. Its token makes it once. Invalid names the field that cannot be."""
    written = _checked(words)

    def make() -> Note:
        locking.lock(Customer, [customer.id])
        _check_day(come_back_on, today)
        return Note(
            token=token, customer=customer, text=written, come_back_on=come_back_on, created_by=by, created_at=now
        )  # fmt: skip

    def tell(made: Note) -> Receipt:
        return f"a note on {customer.name} was added", WayOut("See it", "notes.show", {"note_id": made.id})

    content = {"customer": customer, "text": written, "come_back_on": come_back_on}
    made, _ = once(Sent("note", token, content), select(Note).where(Note.token == token), make, tell)
    return made


def lock(note: Note) -> bool:
    """Lock whose it is, and read it anew; whether it is still there."""
    locking.lock(Customer, [note.customer_id])
    return bool(locking.read_anew(Note, [note.id]))


def change(note: Note, words: str, come_back_on: date | None, today: date, by: Writer) -> None:
    """Let a note, which is locked, say this. With another day to come back it waits again."""
    check_author(note, by)
    written = _checked(words)
    if come_back_on != note.come_back_on:
        _check_day(come_back_on, today)
        note.come_back_on, note.done_at, note.done_by = come_back_on, None, ""
    note.text = written


def remove(note: Note, by: Writer) -> None:
    """Remove a note, which is locked."""
    check_author(note, by)
    db.session.delete(note)


def tick_off(note: Note, *, by: str, now: datetime) -> None:
    """Say that somebody has come back to a note, which is locked. One that does not wait stays as it is."""
    if note.waits:
        note.done_at, note.done_by = now, by


def take_up_again(note: Note) -> None:
    """Let a note that was ticked off, and is locked, wait again."""
    note.done_at, note.done_by = None, ""


def _checked(words: str) -> str:
    """A text as it is kept: composed, with lines of one kind."""
    kept = unicodedata.normalize("NFC", "\n".join(line.rstrip() for line in words.strip().splitlines()))
    if not kept:
        raise Invalid("text", "Write the note.")
    if len(kept) > LONGEST:
        raise Invalid("text", f"Too long: {whole(LONGEST)} characters at most.")
    return kept


def _check_day(day: date | None, today: date) -> None:
    if day is not None and day < today:
        raise Invalid("come_back_on", "Choose today or a later day.")
    if day is not None and day > LAST_DAY:
        raise Invalid("come_back_on", f"Choose a day up to {LAST_DAY.year}.")


def check_author(note: Note, by: Writer) -> None:
    """Refuse whoever may not change the words of a note."""
    if not by.may_change(note):
        raise RuleBroken(
            f"{note.created_by} wrote this note: only they or an owner can change or remove it.",
            WayOut("Add a note of your own", "notes.new", {"customer_id": note.customer_id}),
        )
