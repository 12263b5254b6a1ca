"""Imports as people look at them: the list, what came of one, its bad lines, and files to begin with."""

import json
from collections.abc import Iterator

from sqlalchemy import select

from portal.domain.csv_files.cells import as_written
from portal.domain.csv_files.heading import OF_BAD_ROWS, of_bad_rows
from portal.extensions import db
from portal.models import FileKind, MoveImport, MoveLine, MoveMade
from portal.services.csv import export
from portal.services.listing import Page, Sort, page
from portal.services.moving_in.accepting import head_of
from portal.services.moving_in.kind import IN_ORDER, made_by
from portal.services.moving_in.kinds import KINDS
from portal.services.moving_in.planning import Plan

IMPORTS = Sort((MoveImport.id,), descending=True)
MADE = Sort(IN_ORDER)
AT_ONCE = 1_000


def import_page(after: int | None, before: int | None) -> Page[MoveImport]:
    """The imports, the newest first."""
    return page(select(MoveImport), IMPORTS, after, before)


def made_page(import_: MoveImport, after: int | None, before: int | None) -> Page[MoveMade]:
    """What an import has made and changed."""
    return page(select(MoveMade).where(made_by(import_.id)), MADE, after, before)


def bad_lines(import_: MoveImport, most: int) -> list[MoveLine]:
    """The first lines of an import that were bad."""
    of_import = MoveLine.import_id == import_.id, MoveLine.sentence != ""
    return list(db.session.scalars(select(MoveLine).where(*of_import).order_by(MoveLine.place).limit(most)))


def cells_of(line: MoveLine) -> list[str]:
    """The cells of a line that is kept."""
    cells: list[str] = json.loads(line.cells)
    return cells


def bad_lines_as_csv(import_: MoveImport) -> Iterator[str]:
    """The bad lines of an import that was made, as a file: to be mended and sent again."""
    of_import = MoveLine.import_id == import_.id, MoveLine.sentence != ""
    query = select(MoveLine.place, MoveLine.sentence, MoveLine.cells).where(*of_import)
    rows = db.session.execute(query.order_by(MoveLine.place).execution_options(yield_per=AT_ONCE))
    yield from _file(import_, ((place, sentence, json.loads(cells)) for place, sentence, cells in rows))


def bad_lines_of(import_: MoveImport, plan: Plan) -> Iterator[str]:
    """The same of one that waits: the lines that would be bad."""
    yield from _file(import_, ((line.place, reason, list(line.cells)) for line, reason in plan.bad_lines()))


def _file(import_: MoveImport, rows: Iterator[tuple[int, str, list[str]]]) -> Iterator[str]:
    """Lines with their places and reasons before the columns of the file; those of such a file once, not twice."""
    head, skipped = head_of(import_), 0
    if of_bad_rows(head):
        head, skipped = head[len(OF_BAD_ROWS) :], len(OF_BAD_ROWS)
    lines = ((place, sentence, *map(as_written, cells[skipped:])) for place, sentence, cells in rows)
    yield from export.lines((*OF_BAD_ROWS, *head), lines)


def sample(kind: FileKind) -> Iterator[str]:
    """A file of a kind as one may begin with: all of its columns that have something to show, and lines."""
    of = KINDS[kind]
    columns = [column for column in of.columns if any(column.name in line for line in of.samples())]
    rows = ([line.get(column.name, "") for column in columns] for line in of.samples())
    yield from export.lines([column.label for column in columns], rows)
