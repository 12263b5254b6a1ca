"""The lines of a file, kept in the database until its import is done or discarded: whoever goes on with it finds them.

They are kept as they were unpacked, in pieces each of which is packed by itself: an import is gone on with from where
it stands, and nobody holds more than a piece of them.

It commits: a file of many pieces is kept, and let go, some of them at a time. In one transaction everybody else would
wait on SQLite for as long as it takes.
"""

import zlib
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from io import SEEK_SET, BufferedReader, RawIOBase, UnsupportedOperation
from typing import Any, BinaryIO, cast

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import CallFile, CallFilePiece, CallImport

PIECE = 1 << 20  # bytes, unpacked
AT_ONCE = 64  # pieces
# Packed more tightly, a file of calls is hardly smaller, and takes several times as long.
LEVEL = 1
# Nobody takes longer to keep a file.
LONGEST = timedelta(days=1)


class NotKept(LookupError):
    """There is no such piece: somebody else has brought the import to its end meanwhile."""


def keep(file: BinaryIO, digest: str, now: datetime) -> int:
    """Keep what a file holds from here to its end, of which the `digest` is; the id of the CallFile.

    Invalid where it holds something else by now. Where it fails, nothing is kept (of a long file that somebody is
    killed in keeping, the pieces that were committed are swept later).
    """
    kept = CallFile(kept_at=now)
    db.session.add(kept)
    db.session.flush()
    file_id, begins, found, pieces = kept.id, 0, sha256(), 0
    try:
        while block := file.read(PIECE):
            piece = {"file_id": file_id, "begins": begins, "packed": zlib.compress(block, LEVEL)}
            db.session.execute(insert(CallFilePiece), piece)
            found.update(block)
            begins, pieces = begins + len(block), pieces + 1
            if pieces % AT_ONCE == 0:
                db.session.commit()
        if found.hexdigest() != digest:
            raise Invalid("file", "The file changed while it was read. Import it once all of it is written.")
    except BaseException:
        db.session.rollback()
        if pieces >= AT_ONCE:
            with suppress(SQLAlchemyError):  # then it is swept
                let_go(file_id)
        raise
    return file_id


def opened(file_id: int) -> BinaryIO:
    """The lines that were kept, as a file. Reading raises NotKept where there are none any more."""
    return cast(BinaryIO, BufferedReader(_Kept(file_id), PIECE))


class _Kept(RawIOBase):
    """Pieces, read one after the other from wherever one likes."""

    def __init__(self, file_id: int) -> None:
        self.file_id, self.position = file_id, 0
        self.begins, self.piece = 0, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        if whence != SEEK_SET:
            raise UnsupportedOperation("seek by anything but the beginning")
        self.position = offset
        return offset

    def readinto(self, buffer: Any) -> int:
        at = self.position - self.begins
        if not 0 <= at < len(self.piece):
            self._load()
            at = self.position - self.begins
        found = self.piece[at : at + len(buffer)]
        buffer[: len(found)] = found
        self.position += len(found)
        return len(found)

    def _load(self) -> None:
        """The piece that holds what stands here; the last one, at the end of the file."""
        query = select(CallFilePiece.begins, CallFilePiece.packed).where(
            CallFilePiece.file_id == self.file_id, CallFilePiece.begins <= self.position
        )
        row = db.session.execute(query.order_by(CallFilePiece.begins.desc()).limit(1)).first()
        if row is None:
            raise NotKept(f"No piece of file {self.file_id} is kept.")
        self.begins, self.piece = row[0], zlib.decompress(row[1])


def let_go(file_id: int) -> None:
    """Delete a file that no import has any more, some pieces at a time, each time committed."""
    of_file = CallFilePiece.file_id == file_id
    while True:
        query = select(CallFilePiece.begins).where(of_file).order_by(CallFilePiece.begins).limit(AT_ONCE)
        begins = list(db.session.scalars(query))
        db.session.execute(delete(CallFilePiece).where(of_file, CallFilePiece.begins.in_(begins)))
        if len(begins) < AT_ONCE:
            break
        db.session.commit()
    db.session.execute(delete(CallFile).where(CallFile.id == file_id))
    db.session.commit()


def sweep(now: datetime) -> int:
    """Let go what somebody left who was killed in keeping a file or letting it go; how many files. It commits."""
    of_import = select(CallImport.id).where(CallImport.file_id == CallFile.id)
    left = select(CallFile.id).where(~of_import.exists(), CallFile.kept_at < now - LONGEST)
    ids = list(db.session.scalars(left))
    for file_id in ids:
        let_go(file_id)
    return len(ids)
