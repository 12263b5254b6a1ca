"""A file to move in with, kept: nothing of it is made before somebody has looked at what would be.

A file that cannot be read is refused with a sentence, and nothing of it is kept.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import Select, delete, insert, select

from portal.domain.csv_files.heading import Heading
from portal.domain.errors import Invalid, RuleBroken
from portal.domain.move_files.columns import Columns
from portal.domain.move_files.layout import MoveLayout, missing, names_kind, propose
from portal.domain.move_files.lines import read_of_all
from portal.domain.wording import plural
from portal.extensions import db
from portal.models import FileKind, ImportState, MoveImport, MoveLine
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.csv import layouts
from portal.services.moving_in.kinds import columns_of
from portal.services.moving_in.tables import Row, Table, read_table

AT_ONCE = 2_000


def accept(
    file: BinaryIO,
    file_name: str,
    kind: FileKind,
    *,
    sheet: str = "",
    by_hand: bool = False,
    is_new: bool = False,
    by: str,
    now: datetime,
) -> MoveImport:
    """An import of a file, which waits until somebody has looked; one whose layout has to be described, for that.

    Unless it `is_new`, the one that waits already where the same file was sent before. Invalid, with a sentence, for
    what cannot be read.
    """
    columns = columns_of(kind)
    table = read_table(
        file,
        sheet,
        lambda row: layouts.remembered(kind, MoveLayout, row) is not None,
        lambda row: names_kind(row, columns),
    )
    layout, sentence = _layout(kind, columns, table)
    import_ = None if is_new else _waiting(kind, table)
    if import_ is None:
        import_ = MoveImport(kind=kind, digest=table.digest, sheet=table.sheet[:120], started_at=now)
        db.session.add(import_)
    import_.file_name, import_.started_by, import_.heartbeat_at = file_name[-250:], by, now
    import_.head, import_.has_names = json.dumps(table.heading.head), table.heading.has_names
    import_.layout = "" if sentence or by_hand else layout.to_json()
    import_.sentence, import_.lines_total = sentence, len(table.rows)
    db.session.flush()
    _keep(import_.id, table.rows)
    return import_


def _waiting(kind: FileKind, table: Table) -> MoveImport | None:
    """The import of the same rows that waits untouched."""
    query = select(MoveImport.id).where(
        MoveImport.kind == kind,
        MoveImport.digest == table.digest,
        MoveImport.sheet == table.sheet[:120],
        MoveImport.state == ImportState.STOPPED,
        MoveImport.items_total == 0,
    )
    id = db.session.scalar(query.order_by(MoveImport.id).limit(1))
    found = locking.lock_one(MoveImport, id) if id else None
    return found if found and waits(found) else None


def _keep(import_id: int, rows: Sequence[Row]) -> None:
    db.session.execute(delete(MoveLine).where(MoveLine.import_id == import_id))
    for some in in_chunks(rows, AT_ONCE):
        kept = [
            {
                "import_id": import_id,
                "place": row.place,
                "cells": json.dumps(row.cells, ensure_ascii=False).replace("\\u0000", ""),
                "sentence": row.sentence,
            }
            for row in some
        ]
        db.session.execute(insert(MoveLine), kept)


def _layout(kind: FileKind, columns: Columns, table: Table) -> tuple[MoveLayout, str]:
    """How the file says what things are: as remembered, or as proposed; and what somebody has to say first."""
    heading = table.heading
    layout = layouts.remembered(kind, MoveLayout, heading.head, has_names=heading.has_names)
    if layout:
        return layout, ""
    proposal = propose(heading, [row.cells for row in table.rows], columns)
    return proposal.layout, proposal.sentence


def waits(import_: MoveImport) -> bool:
    """Whether nothing of it is made, and somebody has to look, or to describe the layout first."""
    return import_.state == ImportState.STOPPED and not import_.items_total


def needs_layout(import_: MoveImport) -> bool:
    """Whether somebody has to describe the layout first."""
    return waits(import_) and not import_.layout


def layout_of(import_: MoveImport) -> MoveLayout:
    """How its file says what things are: as it was described, else as it is proposed."""
    if found := MoveLayout.from_json(import_.layout):
        return found
    heading = Heading(head_of(import_), import_.has_names, 0)
    rows = [json.loads(cells) for cells in db.session.scalars(_cells(import_))]
    return propose(heading, rows, columns_of(import_.kind)).layout


def _cells(import_: MoveImport) -> Select[str]:
    return select(MoveLine.cells).where(MoveLine.import_id == import_.id).order_by(MoveLine.place)


def head_of(import_: MoveImport) -> list[str]:
    """The names of the columns of its file."""
    head: list[str] = json.loads(import_.head)
    return head


def describe(import_: MoveImport, layout: MoveLayout) -> None:
    """Say how the file says what things are; remembered for files with the same columns. Invalid names the column."""
    locking.lock(MoveImport, [import_.id])
    _check_waits(import_)
    columns = columns_of(import_.kind)
    if needed := missing(layout.columns, columns):
        raise Invalid(needed[0].name, f"Choose a column for {needed[0].label}.")
    layouts.check_places(head_of(import_), layout)
    layouts.remember(import_.kind, head_of(import_), layout)
    import_.layout, import_.sentence = layout.to_json(), ""


def say_of_all(import_: MoveImport, texts: Mapping[str, str]) -> None:
    """Say what is so of all lines that do not say it themselves. Invalid names the column."""
    locking.lock(MoveImport, [import_.id])
    _check_waits(import_)
    asked = {column.name for column in columns_of(import_.kind) if column.is_asked}
    kept = {name: text.strip() for name, text in texts.items() if name in asked and text.strip()}
    read_of_all(columns_of(import_.kind), kept)
    import_.of_all = json.dumps(kept, ensure_ascii=False)


def discard(import_: MoveImport) -> None:
    """Discard a file of which nothing is made, with its lines."""
    locking.lock(MoveImport, [import_.id])
    _check_waits(import_)
    import_.state = ImportState.DISCARDED
    db.session.execute(delete(MoveLine).where(MoveLine.import_id == import_.id))


def sweep(now: datetime, days: int) -> list[MoveImport]:
    """Discard files that have waited for more than so many days, with their lines; which they are."""
    before = now - timedelta(days=days)
    waiting = select(MoveImport.id).where(
        MoveImport.state == ImportState.STOPPED,
        MoveImport.items_total == 0,
        MoveImport.heartbeat_at < before,
    )
    ids = list(db.session.scalars(waiting.order_by(MoveImport.id)))
    found = [one for one in locking.lock(MoveImport, ids) if waits(one) and one.heartbeat_at < before]
    for import_ in found:
        discard(import_)
        import_.sentence = f"Discarded: nobody imported it within {plural(days, 'day')}."
    return found


def _check_waits(import_: MoveImport) -> None:
    if not waits(import_):
        raise RuleBroken(
            f"{import_.file_name} does not wait any more: its import has begun, or it was discarded."
        )
