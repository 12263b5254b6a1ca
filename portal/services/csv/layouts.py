"""Layouts that are remembered: by the names of a file's columns, or, where it names none, by how many there are."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from portal.domain.csv_files.heading import OF_BAD_ROWS, is_numbered, of_bad_rows, plain_name
from portal.domain.csv_files.layout import Described
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import FileKind, FileLayout

Layout = TypeVar("Layout", bound=Described)


def digest_of(head: Sequence[str], *, has_names: bool = True) -> str:
    """What a layout is remembered by: the same for a file and for that of its bad rows."""
    plain = [plain_name(cell) for cell in (head[len(OF_BAD_ROWS) :] if of_bad_rows(head) else head)]
    if not has_names or is_numbered(plain):
        plain = ["no names", str(len(plain))]
    return sha256("\x1f".join(plain).encode()).hexdigest()


def remembered(
    kind: FileKind, layout: type[Layout], head: Sequence[str], *, has_names: bool = True
) -> Layout | None:
    """How somebody described files of a kind with these columns."""
    found = layout.from_json(db.session.scalar(_text(kind, head, has_names)) or "")
    return _moved(found, head, 1) if found else None


def check_places(head: Sequence[str], layout: Described) -> None:
    """Invalid where one column means two things, or says only what was wrong with a row."""
    places = list(layout.columns.values())
    for name, place in layout.columns.items():
        if places.count(place) > 1:
            raise Invalid(name, f"{head[place].strip() or 'That column'} is chosen twice.")
        if of_bad_rows(head) and place < len(OF_BAD_ROWS):
            raise Invalid(name, f"{head[place].strip()} says what was wrong with the row.")


def remember(kind: FileKind, head: Sequence[str], layout: Described) -> None:
    """Keep how somebody described files of a kind with these columns."""
    digest = digest_of(head, has_names=layout.has_names)
    query = select(FileLayout).where(FileLayout.kind == kind, FileLayout.digest == digest)
    found = db.session.scalar(query)
    if found is None:
        found = FileLayout(kind=kind, digest=digest, layout="")
        try:
            with db.session.begin_nested():
                db.session.add(found)
        except IntegrityError:  # somebody describes another file of these columns
            found = db.session.scalars(query).one()
    found.layout = _moved(layout, head, -1).to_json()
    db.session.flush()


def _text(kind: FileKind, head: Sequence[str], has_names: bool) -> Select[str]:
    digest = digest_of(head, has_names=has_names)
    return select(FileLayout.layout).where(FileLayout.kind == kind, FileLayout.digest == digest)


def _moved(layout: Layout, head: Sequence[str], by: int) -> Layout:
    """A layout of a file of bad rows, made one of the file they come from, or the other way round."""
    return layout.moved(by * len(OF_BAD_ROWS)) if of_bad_rows(head) else layout
