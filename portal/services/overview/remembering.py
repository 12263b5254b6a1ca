"""Remembering what was added up for as long as nothing has changed, so that a large portal's overview stays quick.

A *fingerprint* differs whenever an answer may: it is read off the newest rows, however many there are. What those do
not tell is found within a few minutes, for no answer is kept longer than that without being looked at again.

Where adding up takes long, nobody waits for it: whoever looks is told what was known last, and since when, and
`refreshing` adds up anew behind their back. What is added up in no time is never out of date. Answers are kept in files
of the instance folder (cachelib), which every process of a machine finds, those that have just started too.

What was charged is not remembered: portal.services.charges.sums always has it right.
"""

import hashlib
import logging
import shutil
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from cachelib import BaseCache, FileSystemCache, NullCache
from flask import current_app
from sqlalchemy import func, select

import portal
from portal import private
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentQuantity,
    AuditEntry,
    Call,
    Charge,
    Company,
    Package,
    Run,
)

MOST = 400  # answers that are kept: beyond that, those that were found first are forgotten
# Seconds after which an answer is forgotten. It is by when they end that cachelib knows which was found first.
ENDS = 7 * 24 * 3600
# Bytes that must be left on the disk for one more to be kept.
ROOM = 1024 * 1024
TRUSTED_FOR = 300.0  # seconds
# Seconds that adding up may keep somebody waiting; what took longer is told as it was known last.
QUICK = 0.1
# What takes long is added up anew only after so many times as long: a portal at work does not add up all day.
RESTS = 20

Answer = TypeVar("Answer")


class Known(NamedTuple):
    """An answer, the fingerprint it hangs on, when it was found and how long that takes, in seconds of `monotonic`."""

    fingerprint: Hashable
    found_at: float
    took: float
    answer: Any


class Asked(NamedTuple):
    """A question, the fingerprint of its answer, and how that is found: in whichever thread, so it holds no row."""

    question: Hashable
    fingerprint: Hashable
    find: Callable[[], Any]


def forget() -> None:
    """Know nothing, as a portal that was never asked."""
    _kept().clear()


@dataclass(slots=True)
class Reading:
    """One look at the figures of a day. `oldest` is when the oldest answer was found that may be out of date, and
    `late` are the questions whose answers may be, to be asked again once nobody waits.

    `waits` is for whoever has the time: answers are brought up to date. `anew` finds out again what is known:
    how long it takes, where a process that has just started took long over everything.
    """

    today: date
    waits: bool = False
    anew: bool = False
    oldest: float | None = None
    late: "list[Asked]" = field(default_factory=list)
    _newest: Hashable = field(default=None, repr=False)

    @property
    def age(self) -> float | None:
        """Seconds since what is told was true for certain; None where all of it is true now."""
        return None if self.oldest is None else monotonic() - self.oldest

    @property
    def newest(self) -> Hashable:
        """What tells at once that something was added or changed."""
        return self._read()

    @property
    def terms(self) -> Hashable:
        """The same, but for what runs post: who has what, at which prices and quantities, and their calls."""
        return self._read()[:-2]

    def _read(self) -> tuple[Any, ...]:
        if self._newest is None:
            models = (Assignment, AssignmentQuantity, AuditEntry, Call, Run, Charge)
            newest = (select(func.max(model.id)).scalar_subquery() for model in models)
            versions = (select(func.sum(model.version)).scalar_subquery() for model in (Package, Company))
            self._newest = (self.today, *db.session.execute(select(*versions, *newest)).one())
        found: tuple[Any, ...] = self._newest  # type: ignore[assignment]
        return found

    def answer(
        self,
        question: Hashable,
        fingerprint: Hashable,
        find: Callable[[], Answer],
        is_bounded: bool = False,
    ) -> Answer:
        """What is known of a question while its fingerprint is the same, or else is found now, or after this look.

        `is_bounded` says that finding it takes the same however large the portal is: it is never out of date.
        Tests start anew too often for any fingerprint to tell.
        """
        if current_app.testing:
            return find()
        key = _key(question)
        known = _known(key)
        age = monotonic() - known.found_at if known else 0.0
        is_slow = known is not None and known.took > QUICK and not is_bounded
        if known and not self.anew and known.fingerprint == fingerprint and age < TRUSTED_FOR:
            found: Answer = known.answer
        elif known and is_slow and not self.anew and not (self.waits and age > RESTS * known.took):
            self.oldest = min(known.found_at, self.oldest or known.found_at)
            self.late.append(Asked(question, fingerprint, find))
            found = known.answer
        else:
            begun = monotonic()
            found = find()
            took = monotonic() - begun
            if known:  # a moment in which the machine was busy with other things says little
                took = min(took, 2 * known.took)
            _keep(key, Known(fingerprint, begun, took, found))
        return found

    def known(self, question: Hashable, fingerprint: Hashable, find: Callable[[], Answer]) -> Answer | None:
        """The same, but None where it was never found: it is found after this look."""
        if not current_app.testing and _known(_key(question)) is None:
            self.late.append(Asked(question, fingerprint, find))
            return None
        return self.answer(question, fingerprint, find)


def _known(key: str) -> Known | None:
    found: Known | None = _kept().get(key)
    # What was found after now is of before the machine was started.
    return found if found and found.found_at <= monotonic() else None


def _keep(key: str, known: Known) -> None:
    with suppress(OSError):
        if shutil.disk_usage(current_app.config["INSTANCE"]).free >= ROOM:
            _kept().set(key, known)


def _kept() -> BaseCache:
    if "portal.remembered" not in current_app.extensions:
        try:
            folder = private.folder(current_app.config["INSTANCE"].resolve() / "remembered")
            logging.getLogger().addFilter(_is_of_no_cache)  # first: to be made, it writes a file already
            current_app.extensions["portal.remembered"] = FileSystemCache(str(folder), MOST, ENDS)
        except OSError:  # the disk has no room for the folder, or may not be written: tried again next time
            return NullCache()
    found: BaseCache = current_app.extensions["portal.remembered"]
    return found


def _is_of_no_cache(record: logging.LogRecord) -> bool:
    """Whether a line of the log is none of cachelib's, each with a traceback: what cannot be kept or read is added up
    again, and that the disk is full is for /ready to say, once."""
    return Path(record.pathname).parent.name != "cachelib"


def _key(question: Hashable) -> str:
    """What a question is kept under: for this database, and for the portal that knows what its answer looks like."""
    return f"{_code()} {current_app.config['SQLALCHEMY_DATABASE_URI']} {question!r}"


@cache
def _code() -> str:
    """What differs with every other portal: its modules, read once."""
    files = sorted(Path(portal.__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
