"""An import as people look at it: how far it is, its bad rows, and the file of them, to be mended and sent again."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import aliased

from portal.domain.csv_files.cells import as_written
from portal.domain.csv_files.heading import OF_BAD_ROWS, of_bad_rows
from portal.domain.errors import RuleBroken, WayOut
from portal.extensions import db
from portal.models import Call, CallImport, CallReject, ImportState
from portal.services import locking
from portal.services.calls import importing
from portal.services.calls.owners import UNKNOWN
from portal.services.csv.export import MARK, line
from portal.services.listing import Page, Sort, page

AT_ONCE = 1_000
# More reasons than these are not told apart.
REASONS_MAX = 50
IMPORTS = Sort((CallImport.id,), descending=True)
BAD = Sort((CallReject.line, CallReject.id))
CALLS = Sort((Call.day, Call.id))


def import_page(after: int | None, before: int | None) -> Page[CallImport]:
    """The imports, the newest first."""
    return page(select(CallImport), IMPORTS, after, before)


class Reason(NamedTuple):
    """Why rows are bad, how many are, and the first of them."""

    reason: str
    rows: int
    example: CallReject


def reasons(import_: CallImport) -> list[Reason]:
    """The bad rows by reason, the reason of most of them first."""
    count, first = func.count(), func.min(CallReject.id)
    of_import = (CallReject.import_id == import_.id) & CallReject.is_bad
    grouped = select(CallReject.reason, count, first).where(of_import).group_by(CallReject.reason)
    rows = list(db.session.execute(grouped.order_by(count.desc(), first)))
    ids = [id for _, _, id in rows[:REASONS_MAX]]
    found = {row.id: row for row in db.session.scalars(select(CallReject).where(CallReject.id.in_(ids)))}
    return [Reason(reason, count, found[id]) for reason, count, id in rows if id in found]


def bad_page(
    import_: CallImport, example: CallReject, after: int | None = None, before: int | None = None
) -> Page[CallReject]:
    """The bad rows of an import that are bad for the reason of one of them, by line."""
    query = select(CallReject).where(CallReject.import_id == import_.id, CallReject.is_bad)
    query = query.where(CallReject.reason == example.reason)
    return page(query, BAD, after, before)


def alike_rows(import_: CallImport, most: int) -> list[CallReject]:
    """The first rows that are alike to others of the file, and were counted as one call with them."""
    query = select(CallReject).where(CallReject.import_id == import_.id, CallReject.is_bad.is_(False))
    return list(db.session.scalars(query.order_by(CallReject.line, CallReject.id).limit(most)))


def late_calls(import_: CallImport, most: int, before: object) -> list[Call]:
    """The calls of an import that came too late to reopen a period, the oldest first."""
    query: Select[Call] = select(Call).where(Call.import_id == import_.id, Call.day < before)
    return list(db.session.scalars(query.order_by(*CALLS.columns).limit(most)))


def head_of_import(import_: CallImport) -> list[str]:
    """The names of the file's columns."""
    found: list[str] = json.loads(import_.head)
    return found


def cells(row: CallReject) -> list[str]:
    """What stood in a bad row."""
    found: list[str] = json.loads(row.row)
    return found


def as_csv(import_: CallImport) -> Iterator[str]:
    """The bad rows with their lines and reasons, under the file's columns, harmless to spreadsheets.

    The cells are kept apart as the file does: a comma in them may be a decimal point. Lines and reasons of a file
    of bad rows that was sent again make way for those of now.
    """
    head, between = head_of_import(import_), import_.delimiter
    own = len(OF_BAD_ROWS) if of_bad_rows(head) else 0
    yield MARK + line([*OF_BAD_ROWS, *head[own:]], between)
    after = (0, 0)
    while True:
        query = select(CallReject).where(CallReject.import_id == import_.id, CallReject.is_bad)
        query = query.where(
            (CallReject.line > after[0]) | ((CallReject.line == after[0]) & (CallReject.id > after[1]))
        )
        rows = list(db.session.scalars(query.order_by(CallReject.line, CallReject.id).limit(AT_ONCE)))
        for row in rows:
            found = cells(row)
            yield line([str(row.line), row.sentence, *(found[own:] if len(found) > own else found)], between)
        if len(rows) < AT_ONCE:
            return
        after = (rows[-1].line, rows[-1].id)


def deal_with_bad_rows(import_: CallImport, by: str) -> None:
    """Say that nobody has to look at its bad rows any more. RuleBroken where it has none, or is not done."""
    locking.lock(CallImport, [import_.id])
    if not (import_.bad_count and import_.state == ImportState.DONE):
        raise RuleBroken(
            f"{import_.file_name} has no bad rows that wait.",
            WayOut("See the import", "calls.show", {"import_id": import_.id}),
        )
    import_.bad_rows_dealt_with_by = import_.bad_rows_dealt_with_by or by


def bad_rows_wait() -> ColumnElement[bool]:
    """Whether an import has bad rows that nobody has dealt with.

    Where the same file was imported again, those of the later import wait in their place.
    """
    again = aliased(CallImport)
    later = select(again.id).where(
        again.digest == CallImport.digest,
        again.id > CallImport.id,
        again.state == ImportState.DONE,
    )
    return and_(
        CallImport.state == ImportState.DONE,
        CallImport.bad_count > 0,
        CallImport.bad_rows_dealt_with_by == "",
        ~later.exists(),
    )


def unknown_code(import_: CallImport, reason: str, row: list[str]) -> str:
    """What a row calls a customer whom nobody knows, if it is bad for that: it can be an account code of theirs."""
    place = importing.layout_of(import_)["customer"]
    if not reason.startswith(UNKNOWN) or place is None or place >= len(row):
        return ""
    code = as_written(row[place].strip())
    return "" if code.startswith("#") else code


def share_done(import_: CallImport) -> int:
    """How much of the file is dealt with, in per cent."""
    return min(100, 100 * import_.bytes_done // max(import_.bytes_total, 1))


def left(import_: CallImport, now: datetime) -> timedelta | None:
    """About how long it still takes; None where that cannot be told yet."""
    if not import_.bytes_done or import_.bytes_done >= import_.bytes_total:
        return None
    return _worked(import_, now) * (import_.bytes_total - import_.bytes_done) / import_.bytes_done


def lines_a_second(import_: CallImport, now: datetime) -> int | None:
    """How many lines were taken in a second, while somebody was at work on it; None where that cannot be told yet."""
    seconds = _worked(import_, now).total_seconds()
    return int(import_.lines_done / seconds) if import_.lines_done and seconds >= 1 else None


def _worked(import_: CallImport, now: datetime) -> timedelta:
    return now - import_.started_at - timedelta(seconds=import_.paused_seconds)
