"""The kinds of files there are to move in with, in the order in which one moves in."""

from portal.domain.move_files.columns import Columns
from portal.models import FileKind, MoveImport
from portal.services.moving_in.assignments import Assignments
from portal.services.moving_in.customers import Customers
from portal.services.moving_in.kind import Kind
from portal.services.moving_in.opening import OpeningItems
from portal.services.moving_in.packages import Packages
from portal.services.moving_in.payments import Payments

KINDS: dict[FileKind, type[Kind]] = {
    kind.kind: kind for kind in (Customers, Packages, Assignments, OpeningItems, Payments)
}


def columns_of(kind: FileKind) -> Columns:
    """The columns that files of a kind can have."""
    return KINDS[kind].columns


def kind_of(import_: MoveImport) -> Kind:
    """The kind of an import, to go through its file once."""
    return KINDS[import_.kind]()
