"""Calls as tables: for staff all that is kept of each, for a customer what they were charged for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from portal.domain.phone_numbers import international
from portal.extensions import db
from portal.models import Assignment, Call
from portal.services.calls.counted import Counting, Part, counted_calls, parts_of
from portal.services.calls.lists import NEWEST, WITH_CUSTOMER, Asked, find, numbers_of_dids
from portal.services.exports.table import Column, Kind, Table, rows_of


@dataclass(frozen=True, slots=True)
class Row:
    """A call, the numbers of the DIDs that calls name, and what is counted of it."""

    call: Call
    dids: dict[int, str]
    part: Part | None = None

    @property
    def start(self) -> datetime | date:
        """When it started; the day alone where nothing else is known."""
        return self.call.started_at or self.call.day


STAFF = (
    Column("start", lambda row: row.start, Kind.MOMENT),
    Column("customer", lambda row: row.call.customer.name),
    Column("customer number", lambda row: f"#{row.call.customer_id}"),
    Column("did", lambda row: row.dids.get(row.call.did_id or 0)),
    Column("other did", lambda row: row.dids.get(row.call.other_did_id or 0)),
    Column("destination", lambda row: row.call.destination),
    Column("seconds", lambda row: row.call.seconds, Kind.NUMBER),
    Column("free seconds", lambda row: row.call.covered_seconds, Kind.NUMBER),
    Column("charge", lambda row: row.call.amount, Kind.NUMBER),
    Column("spend", lambda row: row.call.spend, Kind.NUMBER),
    Column("cost", lambda row: row.call.cost, Kind.NUMBER),
    Column("currency", lambda row: row.call.customer.currency),
    Column("call id", lambda row: row.call.call_id),
)
_MINE = (
    Column("start", lambda row: row.start, Kind.MOMENT),
    Column("did", lambda row: number_of(row)),
    Column("destination", lambda row: row.call.destination),
)


def found_calls(asked: Asked) -> Table:
    """The calls that staff look for, the newest first."""
    found = find(asked)
    return Table("calls", STAFF, rows_of(found.query.options(*WITH_CUSTOMER), found.sort, _rows))


def calls_of(query: Select[Call]) -> Table:
    """The calls of one customer, the newest first."""
    return Table("calls", STAFF, rows_of(query.options(*WITH_CUSTOMER), NEWEST, _rows))


def counted(of: Counting) -> Table:
    """The calls that a minimum spend or a bundle has counted, in a customer's words."""
    id, begins, through, currency = of.assignment.id, of.begins, of.through, of.assignment.customer.currency
    figures = (
        (
            Column("seconds", lambda row: row.call.seconds, Kind.NUMBER),
            Column("free seconds", lambda row: row.part.seconds, Kind.NUMBER),
            Column("free", lambda row: row.part.amount, Kind.NUMBER),
        )
        if of.is_free
        else (
            Column("seconds", lambda row: row.call.seconds, Kind.NUMBER),
            Column("charge", lambda row: row.call.amount, Kind.NUMBER),
            Column("spend", lambda row: row.part.amount, Kind.NUMBER),
        )
    )

    def rows(calls: Sequence[Call]) -> list[Row]:
        # Read anew: what was read for the chunk before is let go of with it.
        assignment = db.session.get_one(Assignment, id, options=[joinedload(Assignment.package)])
        dids, parts = numbers_of_dids(calls), parts_of(Counting(assignment, begins, through), calls)
        return [Row(call, dids, parts[call.id]) for call in calls]

    columns = (*_MINE, *figures, Column("currency", lambda row: currency))
    return Table(f"calls_{begins}_{through}", columns, rows_of(counted_calls(of), NEWEST, rows))


def number_of(row: Row) -> str:
    """The customer's number of a call, as it is written for people."""
    number = row.dids.get(row.call.did_id or 0, "")
    return number and international(number)


def _rows(calls: Sequence[Call]) -> list[Row]:
    dids = numbers_of_dids(calls)
    return [Row(call, dids) for call in calls]
