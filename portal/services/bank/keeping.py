"""Statements kept: a file once, a statement once, and a line that stands in several statements once."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from portal.domain.bank_files.layout import BankLayout
from portal.domain.bank_files.matching import texts_of
from portal.domain.bank_files.naming import numbers_in, payer_key
from portal.domain.bank_files.statement import Kind, Line, Statement, compact, keys, tidy
from portal.domain.errors import RuleBroken
from portal.domain.wording import digits
from portal.extensions import db
from portal.models import (
    BankFile,
    BankLine,
    BankStatement,
    BankStatementLine,
    LineState,
    PaymentMethod,
)
from portal.services import locking
from portal.services.bank import reading
from portal.services.bank.reading import Table, Undescribed
from portal.services.chunks import in_chunks

BANK_FEE, NO_MONEY, OF_PAYOUT = "Bank fee", "No money moved", "Payout"
# A line has many columns: so many are written by one statement.
LINES_AT_ONCE = 200
DESCRIBED = "The columns of this file have been described already."


@dataclass(slots=True)
class Kept:
    """What became of a file: it waits for its columns to be described, or here are its statements.

    `new` is how many lines were not there before; `was_there` says that there was nothing new in it at all.
    """

    file: BankFile | None = None
    statements: list[BankStatement] = field(default_factory=list)
    new: int = 0
    was_there: bool = False

    @property
    def waits(self) -> bool:
        """Whether somebody has to describe its columns."""
        return not self.statements


def accept(given: BinaryIO, name: str, *, account: str = "", by: str, now: datetime) -> Kept:
    """Read a file and keep its statements; the same file again is there already. Invalid where it is none."""
    content = reading.unpacked(given)
    digest = sha256(content).hexdigest()
    there = _file_of(digest)
    if there:
        # Somebody may be describing its columns just now.
        there = locking.lock_one(BankFile, there.id)
    if there and (kept := _there(there)):
        return kept
    try:
        statements = reading.read_file(content, account)
    except Undescribed:
        statements = []
    file = there or BankFile(digest=digest, kept_by=by, kept_at=now)
    file.name, file.account = tidy(name, 250), compact(account)
    file.content = None if statements else gzip.compress(content, mtime=0)
    try:
        with db.session.begin_nested():
            db.session.add(file)
    except IntegrityError:  # somebody else has just chosen the same file
        there = _file_of(digest)
        assert there is not None
        return _there(there) or Kept(there)
    return _keep(file, statements) if statements else Kept(file)


def _file_of(digest: str) -> BankFile | None:
    return db.session.scalars(select(BankFile).where(BankFile.digest == digest)).one_or_none()


def _there(file: BankFile) -> Kept | None:
    """What is there of a file that was kept before; None where it waits for its columns."""
    found = select(BankStatement).where(BankStatement.file_id == file.id).order_by(BankStatement.id)
    statements = list(db.session.scalars(found))
    return Kept(file, statements, was_there=True) if statements else None


def table_of(file: BankFile, line: int | None = None) -> Table:
    """The file that waits, cut into cells. RuleBroken where it waits no longer."""
    if file.content is None:
        raise RuleBroken(DESCRIBED)
    return reading.read_table(gzip.decompress(file.content), file.account, line)


def describe(file: BankFile, table: Table, layout: BankLayout, account: str) -> Kept:
    """Keep the statements of a file as somebody has described it, and remember how. Invalid names the field.

    Whoever calls has locked the file.
    """
    statements = reading.described(table, layout, account)
    file.content = None
    return _keep(file, statements)


def discard(file: BankFile) -> None:
    """Do away with a file that waits. RuleBroken where it has been described meanwhile."""
    if file.content is None:
        raise RuleBroken(DESCRIBED)
    db.session.delete(file)


def _keep(file: BankFile, statements: Sequence[Statement]) -> Kept:
    """Keep what is not there yet. A file whose statements are all there already is not kept itself."""
    known = keys(statements)
    rows = {
        key: _row(key, statement, line)
        for statement, of_statement in zip(statements, known, strict=True)
        for key, line in zip(of_statement, statement.lines, strict=True)
    }
    new = _insert_lines(rows)
    ids = _ids_of(rows)
    kept = Kept(file)
    is_new = False
    for statement, of_statement in zip(statements, known, strict=True):
        if not statement.lines:
            continue
        found, made = _keep_statement(file, statement, of_statement, ids, new)
        kept.statements.append(found)
        is_new = is_new or made
    kept.new, kept.was_there = len(new), not is_new
    if not is_new:
        db.session.delete(file)
        kept.file = None
    db.session.flush()
    return kept


def _insert_lines(rows: dict[str, dict[str, Any]]) -> set[str]:
    """Add the lines that are not there yet; their keys. In one order, so that two never wait in a circle."""
    there: set[str] = set()
    wanted = sorted(rows)
    for some in in_chunks(wanted):
        there |= set(db.session.scalars(select(BankLine.key).where(BankLine.key.in_(some))))
    new = [key for key in wanted if key not in there]
    dialect: Any = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    for some in in_chunks(new, LINES_AT_ONCE):
        statement = dialect.insert(BankLine).on_conflict_do_nothing(index_elements=["key"])
        db.session.execute(statement, [rows[key] for key in some])
    return set(new)


def _ids_of(rows: dict[str, dict[str, Any]]) -> dict[str, int]:
    ids: dict[str, int] = {}
    for some in in_chunks(sorted(rows)):
        for key, id in db.session.execute(select(BankLine.key, BankLine.id).where(BankLine.key.in_(some))):
            ids[key] = id
    return ids


def _keep_statement(
    file: BankFile, statement: Statement, known: list[str], ids: dict[str, int], new: set[str]
) -> tuple[BankStatement, bool]:
    """A statement kept, or the one that is there; whether it is new."""
    balances = [None if one is None else digits(one) for one in (statement.opening, statement.closing)]
    said = (statement.account, statement.currency, statement.number, balances, sorted(known))
    digest = sha256(repr(said).encode()).hexdigest()
    query = select(BankStatement).where(BankStatement.digest == digest)
    if there := db.session.scalars(query).one_or_none():
        return there, False
    days = [line.booked_on for line in statement.lines]
    made = BankStatement(
        file=file, digest=digest, account=statement.account, currency=statement.currency, number=statement.number,
        opening=statement.opening, closing=statement.closing, begins=min(days), through=max(days),
        line_count=len(known), known_count=sum(key not in new for key in known),
        passed_over_count=statement.passed_over, total=statement.total,
    )  # fmt: skip
    try:
        with db.session.begin_nested():
            db.session.add(made)
    except IntegrityError:  # somebody else has just sent the same one in another file
        return db.session.scalars(query).one(), False
    rows = [
        {"statement_id": made.id, "place": place, "line_id": ids[key]} for place, key in enumerate(known, 1)
    ]
    for some in in_chunks(rows):
        db.session.execute(insert(BankStatementLine), list(some))
    return made, True


def _row(key: str, statement: Statement, line: Line) -> dict[str, Any]:
    """A line as it is stored: fees and what moves no money are set aside, nothing is booked."""
    note = NO_MONEY if not line.amount else BANK_FEE if line.kind == Kind.FEE else ""
    if line.kind == Kind.PAYOUT and line.amount < 0:  # in the report of the service that paid it out
        note = OF_PAYOUT
    return {
        "key": key, "account": statement.account, "currency": statement.currency, "booked_on": line.booked_on,
        "amount": line.amount, "kind": line.kind, "name": line.name, "payer_account": line.account,
        "email": line.email, "payer_key": payer_key(line.account, line.email, line.name), "text": line.text,
        "bank_reference": line.bank_reference, "other_references": "\n".join(line.references),
        "numbers": " ".join(map(str, sorted(numbers_in(texts_of(line))))), "method": PaymentMethod(line.method),
        "fee": line.fee, "returned": line.returned, "state": LineState.SET_ASIDE if note else LineState.OPEN,
        "note": note, "decided_by": "", "version": 1,
    }  # fmt: skip
