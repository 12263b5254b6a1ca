"""What may change while a file of calls is taken in: each chunk is read as things stand when it is stored.

A reader knows customers and DIDs as they were when it read them. Since then a customer may have another name, code or
currency, or be archived; a DID may be another's, or gone; and the time zone, which is fixed by the first call, may be
another one. So what has changed is read anew before each chunk, and what a chunk names is locked behind it: should
that have changed in between, the chunk is read once more.
"""

from collections.abc import Collection, Mapping
from operator import itemgetter
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import Company, Customer, Did
from portal.models.company import ONLY
from portal.services import locking
from portal.services.among import among
from portal.services.calls.rows import Chunk, Reader, Record
from portal.services.csv.files import Block

# Whom and which DIDs a call names: picked out by place, a million times.
NAMED = tuple(itemgetter(Record._fields.index(name)) for name in ("customer_id", "did_id", "other_did_id"))


class ChangedMeanwhile(RuleBroken):
    """Somebody changed what a chunk names between its reading and its locks."""

    def __init__(self) -> None:
        super().__init__("Customers or DIDs in the file keep changing. Continue the import a little later.")


class Meanwhile:
    """Reads chunks as things stand when each of them is stored: `follows` the setting of the time zone, too."""

    def __init__(self, reader: Reader, *, follows: bool) -> None:
        self.reader, self.follows = reader, follows
        self.is_outdated = False

    @property
    def is_without_ids(self) -> bool:
        """Whether the calls of the file have no ids."""
        return not self.reader.has_ids

    def read(self, block: Block) -> Chunk:
        """The calls of a block; what they name stays as it is until the transaction ends.

        ChangedMeanwhile where it did not stay as it was read: roll back, and read again.
        """
        locking.lock(Company, [ONLY], shared=True)
        if self.follows and (time_zone := _time_zone()) and time_zone != self.reader.times.zone.key:
            self.reader.times = self.reader.times.of(ZoneInfo(time_zone))
        self.reader.renew(surely=self.is_outdated)
        self.is_outdated = True
        chunk, reader = self.reader.read(block), self.reader
        customers, *dids = (set(map(ids, chunk.records)) for ids in NAMED)
        _keep_as_read(Did, set().union(*dids) - {None}, reader.dids.versions)
        _keep_as_read(Customer, customers, reader.customers.versions)
        self.is_outdated = False
        return chunk


def _time_zone() -> str | None:
    return db.session.scalar(select(Company.time_zone).limit(1))


def _keep_as_read(model: type[Customer | Did], ids: Collection[int], versions: Mapping[int, int]) -> None:
    """Lock what was read, and make sure that it is still what was read."""
    locking.lock_ids(model, ids, shared=True)
    query = select(model.id, model.version).where(among(model.id, sorted(ids)))
    stand = dict(row for row in db.session.execute(query))
    if any(stand.get(id) != versions.get(id) for id in ids):
        raise ChangedMeanwhile


__all__ = ["ChangedMeanwhile", "Meanwhile"]
