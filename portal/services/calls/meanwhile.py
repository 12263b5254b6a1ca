"""What may change while a file of calls is taken in: each chunk is read under locks on what it names.

A reader knows customers and DIDs as they were when it began. Since then one may have been archived or deleted, and
the time zone, which is fixed by the first call, may be another one.
"""

from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.extensions import db
from portal.models import Company, Customer, Did
from portal.services import locking
from portal.services.calls.files import Block
from portal.services.calls.rows import BadRow, Chunk, Reader
from portal.services.calls.values import Times


class Meanwhile:
    """Reads chunks as things stand when each of them is stored: `follows` the setting of the time zone, too."""

    def __init__(self, reader: Reader, *, follows: bool) -> None:
        self.reader, self.follows = reader, follows

    def read(self, block: Block) -> Chunk:
        """The calls of a block; what they name stays as it is until the transaction ends."""
        locking.lock(Company, [1], shared=True)
        if self.follows and (time_zone := _time_zone()) and time_zone != self.reader.times.zone.key:
            self.reader.times = Times(ZoneInfo(time_zone))
        chunk = self.reader.read(block)
        _leave_out_dids(chunk)
        _leave_out_archived(chunk)
        return chunk


def _time_zone() -> str | None:
    return db.session.scalar(select(Company.time_zone).limit(1))


def _leave_out_dids(chunk: Chunk) -> None:
    """A DID that was deleted is none any more."""
    named = {did for record in chunk.records for did in (record.did_id, record.other_did_id) if did}
    gone = named - set(locking.lock_ids(Did, named, shared=True))
    if gone:
        chunk.records[:] = [
            record._replace(
                did_id=None if record.did_id in gone else record.did_id,
                other_did_id=None if record.other_did_id in gone else record.other_did_id,
            )
            for record in chunk.records
        ]


def _leave_out_archived(chunk: Chunk) -> None:
    """Nothing is charged to an account that is closed: its calls are bad rows."""
    named = {record.customer_id for record in chunk.records}
    locking.lock_ids(Customer, named, shared=True)
    query = select(Customer.id, Customer.name).where(
        Customer.id.in_(named), Customer.archived_on.is_not(None)
    )
    archived = {row.id: f"{row.name} (#{row.id})" for row in db.session.execute(query)} if named else {}
    if not archived:
        return
    kept = Chunk(bad=chunk.bad)
    for record, line, row in zip(chunk.records, chunk.lines, chunk.rows, strict=True):
        if name := archived.get(record.customer_id):
            sentence = f"{name} is archived. Restore the customer first."
            kept.bad.append(BadRow(line, row[:-1], sentence))
            continue
        kept.records.append(record)
        kept.lines.append(line)
        kept.rows.append(row)
    chunk.records, chunk.lines, chunk.rows = kept.records, kept.lines, kept.rows


__all__ = ["Meanwhile"]
