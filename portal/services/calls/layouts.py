"""Layouts that are remembered: by the names of a file's columns, or, where it names none, by how many there are."""

from collections.abc import Sequence
from hashlib import sha256
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.call_files import names
from portal.domain.call_files.layout import WORDS, Layout
from portal.domain.call_files.proposing import COST_ALONE, WHOSE
from portal.domain.call_files.times import Times
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import CallLayout

UTC = ZoneInfo("UTC")
HIDDEN = "{} seems to say what currency charges are in: choose it. If it means something else, rename it in the file."


def digest_of(head: Sequence[str], *, has_names: bool = True) -> str:
    """What a layout is remembered by: the same for a file and for that of its bad rows."""
    plain = [
        names.plain_name(cell)
        for cell in (head[len(names.OF_BAD_ROWS) :] if names.of_bad_rows(head) else head)
    ]
    if not has_names or names.is_numbered(plain):
        plain = ["no names", str(len(plain))]
    return sha256("\x1f".join(plain).encode()).hexdigest()


def _moved(layout: Layout, head: Sequence[str], by: int) -> Layout:
    """A layout of a file of bad rows, made one of the file they come from, or the other way round."""
    return layout.moved(by * len(names.OF_BAD_ROWS)) if names.of_bad_rows(head) else layout


def remembered(head: Sequence[str], *, has_names: bool = True) -> Layout | None:
    """How somebody described files with these columns."""
    digest = digest_of(head, has_names=has_names)
    layout = Layout.from_json(
        db.session.scalar(select(CallLayout.layout).where(CallLayout.digest == digest)) or ""
    )
    if layout is None:
        return None
    layout = _moved(layout, head, 1)
    place = hidden_currency(head, layout)
    return layout if place is None else layout.with_columns(currency=place)


def fits(layout: Layout, row: Sequence[str]) -> bool:
    """Whether a record of a file without names is one of this layout: where the start time is to be, one is."""
    place = layout["started_at"]
    if place is None or place >= len(row):
        return False
    return Times(UTC, layout.zone, layout.day_order).can_read(row[place])


def hidden_currency(head: Sequence[str], layout: Layout) -> int | None:
    """The column of the currency, by its name, that a layout says nothing of: it would take each amount as it is."""
    places = names.recognise(head).get("currency")
    if not places or layout["currency"] is not None or places[0] in layout.columns.values():
        return None
    return places[0]


def check(head: Sequence[str], layout: Layout) -> None:
    """Invalid where a layout lacks something, or one column means two things."""
    if layout["started_at"] is None:
        raise Invalid("started_at", f"Choose the column for: {WORDS['started_at'].lower()}.")
    if layout["amount"] is None:
        cost = COST_ALONE if layout["cost"] is not None else ""
        raise Invalid("amount", f"{names.UNCHARGED} Choose the column for: {WORDS['amount'].lower()}.{cost}")
    if all(layout[name] is None for name in ("customer", "did", "destination")):
        raise Invalid("customer", WHOSE)
    if (hidden := hidden_currency(head, layout)) is not None:
        raise Invalid("currency", HIDDEN.format(head[hidden].strip()))
    places = list(layout.columns.values())
    for name, place in layout.columns.items():
        if places.count(place) > 1:
            raise Invalid(name, f"{head[place].strip() or 'That column'} is chosen twice.")
        if names.of_bad_rows(head) and place < len(names.OF_BAD_ROWS):
            raise Invalid(name, f"{head[place].strip()} says what was wrong with the row.")
    if layout["run"] is not None and not layout.run:
        raise Invalid("run", "Enter the RunID whose rows are calls, such as *default.")


def remember(head: Sequence[str], layout: Layout) -> None:
    """Keep how somebody described files with these columns. Invalid where it cannot be."""
    check(head, layout)
    digest = digest_of(head, has_names=layout.has_names)
    query = select(CallLayout).where(CallLayout.digest == digest)
    found = db.session.scalar(query)
    if found is None:
        found = CallLayout(digest=digest, layout="")
        try:
            with db.session.begin_nested():
                db.session.add(found)
        except IntegrityError:  # somebody describes another file of these columns
            found = db.session.scalars(query).one()
    found.layout = _moved(layout, head, -1).to_json()
    db.session.flush()
