"""The layout that a file's names and all its rows lead to, and what somebody has to say before it is used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from portal.domain.call_files import names
from portal.domain.call_files.layout import WORDS, Layout, Length
from portal.domain.csv_files.heading import Heading
from portal.domain.csv_files.proof import PROVED, Facts, Proof, Proposal

COST_ALONE = (
    " Is Cost what the customer pays? Then choose it as Charge. If it is what you pay, the file does not "
    "say what the customer is charged."
)
NO_IDS = (
    "No column is Call id. If there is none, say so: calls are then known by customer, source, destination, start time "
    "and seconds."
)
NO_SECONDS = "No column is Seconds, which free minutes are counted in. Choose one, if there is one."
WHOSE = "Choose the column of the customer or of the DID: every call must belong to somebody."
WHICH_DAY = "Start times are written as in 03/11/2026. Is the day first, or the month?"
TWO_ORDERS = "Some start times have the day first, others the month: only the rows of one kind can be read."
BELOW_ZERO = "All charges are below zero. Are they what customers pay?"
CLOCKS = "Lengths are written as in 1:30. Are these minutes and seconds?"


def names_calls(row: list[str]) -> bool:
    """Whether a line names the columns that a file of calls has."""
    found = names.recognise(row)
    return bool(names.export_of(row)) or ("started_at" in found and ("amount" in found or "cost" in found))


@dataclass(slots=True)
class _Given:
    """A file, as far as a proposal needs it."""

    heading: Heading
    facts: list[Facts]
    first: Sequence[str]

    def of(self, place: int | None) -> Facts:
        """What was found in a column."""
        return self.facts[place] if place is not None and place < len(self.facts) else Facts()


def propose(heading: Heading, proof: Proof, first: Sequence[str]) -> Proposal[Layout]:
    """What a file's layout is, by its names, what is found in its columns, and the first record."""
    file, asks = _Given(heading, proof.columns, first), {}
    layout = Layout(has_names=heading.has_names)
    if not heading.has_names:
        export = names.nameless_export_of(first)
        layout = replace(layout, columns=dict(export.columns) if export else {})
        asks = _missing(layout) | (_asked(layout, export.asks) if export else {})
    else:
        known = names.export_of(heading.head)
        layout = layout.with_columns(**_columns(file))
        if known:
            layout = replace(layout, **known.says).with_columns(
                **known.places(names.plain_names(heading.head))
            )
        asks = _missing(layout, ids=known is None or "call_id" not in known.columns) | (
            _asked(layout, known.asks) if known else {}
        )
        layout = _by_units(layout, heading.head)
    return _by_proof(file, layout, asks, bool(heading.has_names and names.export_of(heading.head)))


def is_open(layout: Layout, proof: Proof) -> bool:
    """Whether what was found in some rows has to be held against the whole file before it is believed."""
    file = _Given(Heading([], True, 0), proof.columns, ())
    start, amount = file.of(layout["started_at"]), file.of(layout["amount"])
    return bool(
        start.needs_day_order
        or amount.commas
        or amount.either
        or amount.below
        or file.of(layout["seconds"]).clocks
    )


def _columns(file: _Given) -> dict[str, int | None]:
    """Which column says what, by names; of several, one that holds what is looked for."""
    found = names.recognise(file.heading.head)
    places: dict[str, int | None] = {
        name: candidates[0] for name, candidates in found.items() if name != "clock"
    }
    for name in ("did", "destination"):
        for candidate in found.get(name, ()):
            if file.of(candidate).is_numbers:
                places[name] = candidate
                break
    starts = found.get("started_at", [])
    days = next((place for place in starts if file.of(place).is_days_alone), None)
    times = next(
        (
            place
            for place in (*found.get("clock", ()), *starts)
            if file.of(place).is_times_alone and place != days
        ),
        None,
    )
    if starts and days is not None and times is not None and starts[0] in (days, times):
        places |= {"started_at": days, "clock": times}
    return places


def _by_units(layout: Layout, head: Sequence[str]) -> Layout:
    """What the names of the columns say besides: what a duration counts, and the zone of times."""
    if (place := layout["seconds"]) is not None:
        plain = names.plain_names(head)[place]
        if plain in names.MILLISECONDS:
            layout = replace(layout, length=Length.MILLISECONDS)
        elif plain == "minutes":
            layout = replace(layout, length=Length.MINUTES)
        layout = replace(layout, length=names.LENGTHS.get(names.unit_of(head[place]), layout.length))
    if (place := layout["started_at"]) is not None and names.unit_of(head[place]) in names.ZONES:
        layout = replace(layout, zone="UTC")
    return layout


def _by_proof(file: _Given, layout: Layout, asks: dict[str, str], is_known: bool) -> Proposal[Layout]:
    """What all rows prove, and what they leave open."""
    start, amount = file.of(layout["started_at"]), file.of(layout["amount"])
    layout = replace(layout, day_order=start.day_order, decimal=amount.decimal)
    if start.needs_day_order:
        proved = PROVED[start.day_order] if start.day_is_first or start.day_is_second else ""
        asks["day_order"] = TWO_ORDERS if start.has_two_orders else WHICH_DAY + proved
    if amount.is_below_zero and not is_known:
        layout = replace(layout, below_zero=True)
        asks["below_zero"] = BELOW_ZERO
    if file.of(layout["seconds"]).clocks and layout.length == Length.SECONDS:
        layout = replace(layout, length=Length.CLOCK)
        asks["length"] = CLOCKS
    return Proposal(layout, asks)


def _asked(layout: Layout, asks: dict[str, str]) -> dict[str, str]:
    """What of a known export somebody has to say: what no column of this file does."""
    return {name: sentence for name, sentence in asks.items() if name == "run" or layout[name] is None}


def _missing(layout: Layout, *, ids: bool = True) -> dict[str, str]:
    """What a file's columns do not say, as far as it is needed."""
    asks = {}
    if ids and layout["call_id"] is None:
        asks["call_id"] = NO_IDS
    if layout["started_at"] is None:
        asks["started_at"] = f"No column is {WORDS['started_at']}."
    if layout["amount"] is None:
        asks["amount"] = names.UNCHARGED + (COST_ALONE if layout["cost"] is not None else "")
    if layout["customer"] is None and layout["did"] is None and layout["destination"] is None:
        asks["customer"] = WHOSE
    if layout["seconds"] is None:
        asks["seconds"] = NO_SECONDS
    return asks
