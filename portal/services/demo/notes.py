"""What Lumen Voice's people wrote down on their customers: to be come back to today, later, or not at all."""

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from portal.extensions import db
from portal.models import Customer
from portal.services import audit
from portal.services.demo.acts import CLERK, OWNER
from portal.services.notes import notes

# On whom, by whom, how many days ago, after how many days from today to come back, what; and whether that was done.
NOTES = (
    ("Northwind Telecom", CLERK, 40, -12, "Nora asks for one invoice per site. Told her that we look into it.", True),
    ("Northwind Telecom", OWNER, 21, None, "Renews in spring. No discount beyond 10 %, as agreed with Nora.", False),
    ("Redbrick Contact Centres", CLERK, 9, 0, "Gemma is back from leave: ask her about the open charges.", False),
    ("Brückner Maschinenbau", OWNER, 5, -1, "Wants a quote for ten more seats. Call Jörg Petersen back.", False),
    ("Lakeshore Freight Lines", CLERK, 3, 6, "Dana will send the new tax certificate.", False),
)  # fmt: skip


def write(today: date) -> None:
    """Write them all down, each on its day."""
    for number, (name, by, ago, back_in, words, is_done) in enumerate(NOTES):
        customer = db.session.scalars(select(Customer).where(Customer.name == name)).one()
        day = today - timedelta(days=ago)
        when = datetime.combine(day, time(11, 5), UTC)
        back_on = None if back_in is None else today + timedelta(days=back_in)
        with audit.acting(audit.Actor(by, "owner" if by == OWNER else "billing", at=when)):
            note = notes.add(
                customer, words, back_on, token=f"demo-note-{number}", by=by, today=day, now=when
            )
        if is_done and back_on:
            done = datetime.combine(back_on, time(9, 40), UTC)
            with audit.acting(audit.Actor(CLERK, "billing", at=done)):
                notes.tick_off(note, by=CLERK, now=done)
                db.session.flush()
