"""Layouts of files of calls: remembered once somebody has described one, and what each has to say."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from portal.domain.call_files import names
from portal.domain.call_files.layout import WORDS, Layout
from portal.domain.call_files.proposing import COST_ALONE, WHOSE
from portal.domain.call_files.times import Times
from portal.domain.errors import Invalid
from portal.models import FileKind
from portal.services.csv import layouts as file_layouts

UTC = ZoneInfo("UTC")
HIDDEN = "{} seems to say what currency charges are in: choose it. If it means something else, rename it in the file."


def remembered(head: Sequence[str], *, has_names: bool = True) -> Layout | None:
    """How somebody described files of calls with these columns."""
    layout = file_layouts.remembered(FileKind.CALLS, Layout, head, has_names=has_names)
    if layout is None:
        return None
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
    file_layouts.check_places(head, layout)
    if layout["run"] is not None and not layout.run:
        raise Invalid("run", "Enter the RunID whose rows are calls, such as *default.")


def remember(head: Sequence[str], layout: Layout) -> None:
    """Keep how somebody described files of calls with these columns. Invalid where it cannot be."""
    check(head, layout)
    file_layouts.remember(FileKind.CALLS, head, layout)
