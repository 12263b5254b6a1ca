"""Runs as a table: a line for each currency that one came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.models import Run, RunState, RunUndo
from portal.services.billing.planning import Totals
from portal.services.exports.table import Column, Kind, Table, rows_of
from portal.services.runs.reports import NEWEST_FIRST, totals_of
from portal.services.runs.undoing import undoings_of


@dataclass(frozen=True, slots=True)
class Row:
    """A run, in one of its currencies."""

    run: Run
    currency: str
    totals: Totals | None
    undone: RunUndo | None
    state: str


COLUMNS = (
    Column("Run", lambda row: str(row.run.id)),
    Column("Kind", lambda row: "Simulation" if row.run.simulate else "Posting"),
    Column("Up To", lambda row: row.run.through, Kind.DAY),
    Column("Customer", lambda row: row.run.customer.name if row.run.customer else "all"),
    Column("State", lambda row: row.state),
    Column("Charges In All", lambda row: row.run.charge_count, Kind.NUMBER),
    Column("Held", lambda row: row.run.held_count, Kind.NUMBER),
    Column("Failed", lambda row: row.run.failed_count, Kind.NUMBER),
    Column("Currency", lambda row: row.currency),
    Column("Charges", lambda row: row.totals and row.totals.count, Kind.NUMBER),
    Column("Amount", lambda row: row.totals and row.totals.amount, Kind.MONEY),
    Column("Cost", lambda row: row.totals and row.totals.cost, Kind.MONEY),
    Column("Margin", lambda row: row.totals and row.totals.margin, Kind.MONEY),
    Column("Tax", lambda row: row.totals and row.totals.tax, Kind.MONEY),
    Column("Started", lambda row: row.run.started_at, Kind.MOMENT),
    Column("Started By", lambda row: row.run.started_by),
    Column("Finished", lambda row: row.run.finished_at, Kind.MOMENT),
    Column("Undone", lambda row: row.undone and row.undone.started_at, Kind.MOMENT),
    Column("Undone By", lambda row: row.undone and row.undone.started_by),
    Column("Reason", lambda row: row.undone and row.undone.reason),
)


def runs(is_interrupted: Callable[[Run], bool], simulate: bool | None = None) -> Table:
    """The runs that a list finds, the newest first."""
    query = select(Run).options(joinedload(Run.customer))
    if simulate is not None:
        query = query.where(Run.simulate == simulate)
    chunks = rows_of(query, NEWEST_FIRST, lambda some: _rows(some, is_interrupted))
    return Table("runs", COLUMNS, chunks, lambda row: row.currency)


def _rows(some: Sequence[Run], is_interrupted: Callable[[Run], bool]) -> list[Row]:
    totals, undoings = totals_of(some), undoings_of(some)
    found = []
    for run in some:
        undone = next(iter(undoings[run.id]), None)
        state = _state(run, undone is not None, is_interrupted(run))
        of_currencies: dict[str, Totals | None] = {**totals[run.id]} or {"": None}
        found += [Row(run, currency, sums, undone, state) for currency, sums in of_currencies.items()]
    return found


def _state(run: Run, is_undone: bool, is_interrupted: bool) -> str:
    """How a run stands, in the words of its mark."""
    if is_interrupted:
        return "interrupted"
    if run.state == RunState.RUNNING:
        return "running"
    if run.state == RunState.STOPPED:
        return "stopped"
    if run.state == RunState.REFUSED:
        return "not posted"
    return "undone" if is_undone else "simulated" if run.simulate else "posted"
