"""A layout of files to move in with: which column says what, and how days and numbers are written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from portal.domain.csv_files.heading import OF_BAD_ROWS, Heading, of_bad_rows, plain_name
from portal.domain.csv_files.layout import Described
from portal.domain.csv_files.proof import PROVED, Facts, Proof, Proposal
from portal.domain.move_files.columns import Column, Columns, Holds
from portal.domain.wording import listed

WHICH_DAY = "Days are written as in 03/11/2026. Is the day first, or the month?"
TWO_ORDERS = "Some days have the day first, others the month: only the lines of one kind can be read."
WHICH_SIGN = "Numbers are written as in 1,234 or 1.234. Which sign stands before decimals?"


@dataclass(frozen=True, slots=True)
class MoveLayout(Described):
    """The columns of a file to move in with. `decimal` is the sign before decimals; empty: as each number shows."""

    decimal: str = ""


def known_by(cell: str) -> str:
    """A heading as headings are compared: without the signs that mark a column as required."""
    return plain_name(cell.replace("*", "").replace("(", "").replace(")", ""))


def recognise(head: Sequence[str], columns: Columns) -> dict[str, int]:
    """The column of the file that says each thing, by the names of the columns: the best known that is free."""
    plain = [known_by(cell) for cell in head]
    if of_bad_rows(head):
        plain[: len(OF_BAD_ROWS)] = [""] * len(OF_BAD_ROWS)
    found: dict[str, int] = {}
    # Names of our own come first: an export of ours is read as it was written, whatever else it could mean.
    for of_ours in (True, False):
        for column in columns:
            if column.name in found:
                continue
            names = (plain_name(column.label), plain_name(column.name)) if of_ours else column.names
            places = (place for name in names for place, one in enumerate(plain) if one == name)
            place = next((place for place in places if place not in found.values()), None)
            if place is not None:
                found[column.name] = place
    return found


def names_kind(row: Sequence[str], columns: Columns) -> bool:
    """Whether a line names the columns that such a file has."""
    return not missing(recognise(row, columns), columns)


def missing(places: dict[str, int], columns: Columns) -> list[Column]:
    """The columns without which no line says anything, where the file has none of those that would do."""
    needed = [column for column in columns if column.is_needed]
    return [] if any(column.name in places for column in needed) else needed


def propose(heading: Heading, rows: Sequence[Sequence[str]], columns: Columns) -> Proposal[MoveLayout]:
    """A layout for a file with such a heading, and what somebody has to say first."""
    width = len(heading.head)
    proof = Proof(width)
    proof.add([*row[:width], *[""] * (width - len(row))] for row in rows)
    places = recognise(heading.head, columns) if heading.has_names else {}
    layout = MoveLayout(columns=places, has_names=heading.has_names)
    asks: dict[str, str] = {}
    if needed := missing(places, columns):
        labels = listed([column.label for column in needed], "or")
        asks[needed[0].name] = (
            f"No column is called {labels}, or by another name that is known for it. Choose it."
        )
    days, numbers = (
        [
            proof.columns[places[column.name]]
            for column in columns
            if column.holds == holds and column.name in places
        ]
        for holds in (Holds.DAY, Holds.NUMBER)
    )
    return Proposal(_by_numbers(_by_days(layout, days, asks), numbers, asks), asks)


def _by_days(layout: MoveLayout, days: Sequence[Facts], asks: dict[str, str]) -> MoveLayout:
    """Which of two numbers is the day, as far as the columns of days prove it together."""
    orders = {facts.day_order for facts in days if facts.day_order}
    needed = [facts for facts in days if facts.needs_day_order]
    if len(orders) > 1 or any(facts.has_two_orders for facts in days):
        asks["day_order"] = TWO_ORDERS
        return layout
    order = next(iter(orders), layout.day_order)
    if needed and not any(facts.day_is_first or facts.day_is_second for facts in needed):
        asks["day_order"] = WHICH_DAY + PROVED[layout.day_order]
    return replace(layout, day_order=order)


def _by_numbers(layout: MoveLayout, numbers: Sequence[Facts], asks: dict[str, str]) -> MoveLayout:
    """Which sign stands before decimals, as far as the columns of numbers prove it together."""
    signs = {facts.decimal for facts in numbers if facts.decimal}
    if len(signs) == 1:
        return replace(layout, decimal=signs.pop())
    if not signs and any(facts.either for facts in numbers):
        asks["decimal"] = WHICH_SIGN
    return layout
