"""Files of calls for tests: written, taken in, and what came of them."""

import gzip
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.extensions import db
from portal.models import BalanceEntry, Call, CallImport, CallReject, Customer, EntrySource, ImportUndo
from portal.services.calls import importing, undoing
from tests.trade import BEN, NOW, TODAY

HEAD = "call id,customer,did,destination,start time,seconds,charge,cost"


def a_line(
    call_id: str, when: str, seconds: int, charge: str, *, customer: str = "Northwind Telecom",
    did: str = "", destination: str = "442079460999", cost: str = "",
) -> str:  # fmt: skip
    """A line of a file under HEAD."""
    return f"{call_id},{customer},{did},{destination},{when},{seconds},{charge},{cost}"


def a_file(folder: Path, lines: Iterable[str], head: str = HEAD, name: str = "calls.csv") -> Path:
    """A file of calls; one that ends in .gz is packed."""
    text = "\n".join([head, *lines]) + "\n"
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def accepted(path: Path, **said: Any) -> CallImport:
    """A file accepted, of which nothing is taken in yet: neither is it committed, nor the import."""
    with path.open("rb") as file:
        import_ = importing.accept(
            file, **{"file_name": path.name, "replaces": False, "by": "", "now": NOW} | said
        )
    return import_


def begun(path: Path, *, replaces: bool = False) -> CallImport:
    """A file accepted, of which nothing is taken in yet."""
    import_ = accepted(path, replaces=replaces, by=BEN)
    db.session.commit()
    return import_


def carried_out(import_: CallImport, size: int = 1, say: Callable[[CallImport], object] = bool) -> CallImport:
    """As much of it taken in as comes, so many lines at a time; `say` is done behind each of them."""
    return importing.carry_out(import_.id, TODAY, lambda: NOW, ZoneInfo("UTC"), size, say)


def half_in(path: Path, *, replaces: bool = False) -> CallImport:
    """A file that was stopped behind its first line."""

    def stop(import_: CallImport) -> None:
        importing.stop(import_)
        db.session.commit()

    return carried_out(begun(path, replaces=replaces), say=stop)


def gone_on_with(import_: CallImport) -> CallImport:
    """The rest of it."""
    importing.go_on(import_, NOW)
    db.session.commit()
    return carried_out(import_)


def call_entries(customer: Customer) -> list[tuple[str, str]]:
    """The entries of a customer's calls, as day and amount, the first first."""
    query = (
        select(BalanceEntry)
        .where(BalanceEntry.customer_id == customer.id, BalanceEntry.source == EntrySource.CALLS)
        .order_by(BalanceEntry.id)
    )
    return [(entry.for_day.isoformat(), str(entry.amount)) for entry in db.session.scalars(query)]


def taken_in(
    path: Path, today: date = TODAY, *, replaces: bool = False, size: int = importing.CHUNK, zone: str = "UTC"
) -> CallImport:
    """A file taken in to its end."""
    import_ = begun(path, replaces=replaces)
    return importing.carry_out(import_.id, today, lambda: NOW, ZoneInfo(zone), size)


def bad_rows(import_: CallImport) -> list[tuple[int, str]]:
    """The bad rows of an import: line and reason."""
    query = (
        select(CallReject)
        .where(CallReject.import_id == import_.id, CallReject.is_bad)
        .order_by(CallReject.line, CallReject.id)
    )
    return [(row.line, row.sentence) for row in db.session.scalars(query)]


def noon(day: date) -> str:
    """Noon of a day, as files write it."""
    return f"{day:%Y-%m-%d} 12:00:00"


def undone(import_: CallImport, today: date = TODAY, size: int = 2) -> ImportUndo:
    """An import undone to its end, some calls at a time."""
    undoing.start_undoing(import_, "Rated wrongly", by=BEN, now=NOW)
    db.session.commit()
    return undoing.carry_out(import_.id, today, lambda: NOW, size)


def calls_there() -> list[tuple[str, str, str, str]]:
    """All calls: customer, call id, what it was rated at, and the file that it came with."""
    query = (
        select(Customer.name, Call.call_id, Call.amount, CallImport.file_name)
        .join(Call, Call.customer_id == Customer.id)
        .join(CallImport, CallImport.id == Call.import_id)
        .order_by(Customer.id, Call.call_id)
    )
    return [(name, id, str(amount), file) for name, id, amount, file in db.session.execute(query)]
