"""The layout that a file's names and all its rows lead to, and what somebody has to say before it is used."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from portal.domain.csv_files.heading import OF_BAD_ROWS, Heading, of_bad_rows
from portal.domain.csv_files.proof import PROVED, Facts, Proof, Proposal
from portal.domain.did_files.layout import WORDS, DidLayout, recognise
from portal.domain.did_files.numbers import is_either, needs_code
from portal.domain.wording import listed

NO_NUMBER = (
    "No column is called Number, or by another name that is known for it. Choose the column of the numbers."
)
TWO = "More than one column can be the {}: {}. Choose one."
WHICH_DAY = "Start dates are written as in 03/11/2026. Is the day first, or the month?"
TWO_ORDERS = "Some start dates have the day first, others the month: only the lines of one kind can be read."
NO_CODES = "Numbers have no + in front, as in {}. Do they begin with their country code?"
EITHER = "{} can be one number, or a range of numbers. Which is it?"
SHOWN = 60


def propose(heading: Heading, rows: Sequence[Sequence[str]], country: str) -> Proposal[DidLayout]:
    """A layout for a file with such a heading. `country` is that of numbers for which no line says one."""
    width = len(heading.head)
    proof = Proof(width)
    proof.add([*row[:width], *[""] * (width - len(row))] for row in rows)
    layout, asks = DidLayout(has_names=heading.has_names), dict[str, str]()
    layout = layout.with_columns(**_columns(heading, proof.columns, asks))
    start = _facts(proof.columns, layout["start_date"])
    layout = replace(layout, day_order=start.day_order)
    if start.needs_day_order:
        proved = PROVED[start.day_order] if start.day_is_first or start.day_is_second else ""
        asks["day_order"] = TWO_ORDERS if start.has_two_orders else WHICH_DAY + proved
    return Proposal(_by_numbers(layout, rows, country, asks), asks)


def _columns(heading: Heading, facts: list[Facts], asks: dict[str, str]) -> dict[str, int]:
    """Which column says what: by names, and by what stands in those whose name can mean two things."""
    found = recognise(heading.head) if heading.has_names else {}
    if of_bad_rows(heading.head):
        found = {name: [p for p in places if p >= len(OF_BAD_ROWS)] for name, places in found.items()}
    days, numbers = found.get("start_date", []), found.get("number", [])
    found["number"] = [
        p for p in numbers if not _is_days(facts[p]) and (p not in days or facts[p].is_numbers)
    ]
    found["last"] = [place for place in found.get("last", ()) if not _is_days(facts[place])]
    found["start_date"] = [p for p in days if _is_days(facts[p]) or not facts[p].is_numbers]
    columns: dict[str, int] = {}
    for name, places in found.items():
        places = [place for place in places if place not in columns.values()]
        if places:
            columns[name] = places[0]
        if len(places) > 1:
            names = [heading.head[place].strip()[:SHOWN] for place in sorted(places)]
            asks[name] = TWO.format(WORDS[name].lower(), listed(names))
    if "number" not in columns:
        asks["number"] = NO_NUMBER
        free = [p for p in range(len(facts)) if p not in columns.values() and not _is_days(facts[p])]
        most = max(free, key=lambda place: facts[place].numbers, default=None)
        if most is not None and facts[most].numbers:
            columns["number"] = most
    return columns


def _by_numbers(
    layout: DidLayout, rows: Iterable[Sequence[str]], country: str, asks: dict[str, str]
) -> DidLayout:
    """Whether numbers begin with their country code, and whether a hyphen stands between the ends of a range."""
    place = layout["number"]
    if place is None:
        return layout
    cells = list(dict.fromkeys(row[place] for row in rows if len(row) > place))
    of_form = "" if layout["country"] is not None else country
    if (first := next((cell for cell in cells if needs_code(cell, of_form)), None)) is not None:
        asks["has_code"] = NO_CODES.format(first.strip()[:SHOWN])
        layout = replace(layout, has_code=True)
    if (first := next((cell for cell in cells if is_either(cell, country, layout)), None)) is not None:
        asks["ranges"] = EITHER.format(first.strip()[:SHOWN])
    return layout


def _facts(columns: list[Facts], place: int | None) -> Facts:
    return columns[place] if place is not None else Facts()


def _is_days(facts: Facts) -> bool:
    return facts.is_days_alone or facts.needs_day_order
