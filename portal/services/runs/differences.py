"""What has changed since a simulation: what a posting of its day would do now that it did not show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select

from portal.domain.wording import plural
from portal.extensions import db
from portal.models import Run, SimulatedCharge
from portal.services.billing.failures import Failed
from portal.services.billing.planning import Fingerprint, PlannedCharge, due_ids, work_out
from portal.services.chunks import in_chunks

DIFFERENCES_SHOWN = 200
READ_AT_ONCE = 2_000


@dataclass(slots=True)
class Difference:
    """A charge that is no longer what the simulation showed: `was` or `now` is None where it was not or is not."""

    was: SimulatedCharge | None
    now: PlannedCharge | None

    @property
    def line(self) -> SimulatedCharge | PlannedCharge:
        """The charge as it is now, or as it was where it is no more."""
        found = self.now or self.was
        assert found is not None
        return found


@dataclass(slots=True)
class Differences:
    """All that has changed since a simulation: the first few, how many, and the fingerprint as of now.

    `failed` are the assignments that cannot be worked out now: of these, whatever was shown is gone.
    """

    fingerprint: str
    count: int = 0
    charge_count: int = 0
    first: list[Difference] = field(default_factory=list)
    failed: dict[int, Failed] = field(default_factory=dict)

    def add(self, was: SimulatedCharge | None, now: PlannedCharge | None) -> None:
        """Count one, and keep it if it is among the first."""
        self.count += 1
        if len(self.first) < DIFFERENCES_SHOWN:
            self.first.append(Difference(was, now))

    @property
    def sentence(self) -> str:
        """What a person is told before anything is posted."""
        if not self.count:
            return "This page is no longer up to date. Nothing has been posted yet."
        changed = plural(self.count, "charge has", "charges have")
        return f"{changed} changed since this simulation. Nothing has been posted yet."


def differences(simulation: Run, today: date, beat: Callable[[], None] | None = None) -> Differences:
    """What a posting of the simulation's day would do now that the simulation did not show.

    `beat` is called after each chunk: a comparison that takes long lets others write in between.
    """
    run_id, through = simulation.id, simulation.through
    shown = select(SimulatedCharge.assignment_id).where(SimulatedCharge.run_id == run_id).distinct()
    due = set(due_ids(through, simulation.customer_id))
    found, fingerprint, before = Differences(""), Fingerprint(), _Shown(run_id)
    for chunk in in_chunks(sorted({*due, *db.session.scalars(shown)})):
        was = {_key(line): line for line in before.up_to(chunk[-1])}
        for planned in _planned([id for id in chunk if id in due], through, today, found.failed):
            fingerprint.add(planned.facts, planned.due)
            found.charge_count += 1
            line = was.pop(planned.key, None)
            if line is None or not _same(line, planned):
                found.add(line, planned)
        for gone in was.values():
            found.add(gone, None)
        if beat:
            beat()
    found.fingerprint = fingerprint.hex()
    return found


class _Shown:
    """The lines of a simulation, read once from first to last: they stand in the order of their assignments."""

    def __init__(self, run_id: int) -> None:
        self.run_id, self.last_id = run_id, 0
        self.read: list[SimulatedCharge] = []
        self.is_over = False

    def up_to(self, assignment_id: int) -> list[SimulatedCharge]:
        """The lines not handed out yet of assignments up to this one."""
        while not self.is_over and (not self.read or self.read[-1].assignment_id <= assignment_id):
            self._read_on()
        wanted = [line for line in self.read if line.assignment_id <= assignment_id]
        self.read = self.read[len(wanted) :]
        return wanted

    def _read_on(self) -> None:
        query = (
            select(SimulatedCharge)
            .where(SimulatedCharge.run_id == self.run_id, SimulatedCharge.id > self.last_id)
            .order_by(SimulatedCharge.id)
            .limit(READ_AT_ONCE)
        )
        lines = list(db.session.scalars(query))
        for line in lines:
            db.session.expunge(line)  # it stays readable, whatever is committed meanwhile
        self.is_over = len(lines) < READ_AT_ONCE
        self.last_id = lines[-1].id if lines else self.last_id
        self.read += lines


def _planned(
    ids: Sequence[int], through: date, today: date, not_worked_out: dict[int, Failed]
) -> Iterator[PlannedCharge]:
    for worked in work_out(ids, through, today) if ids else ():
        if isinstance(worked, Failed):
            not_worked_out[worked.assignment_id] = worked
        elif not worked.held:
            yield from worked.planned(today)


def _key(line: SimulatedCharge) -> tuple[int, str, str, int]:
    return (line.assignment_id, line.kind.value, line.period_from.isoformat(), line.number)


def _same(was: SimulatedCharge, now: PlannedCharge) -> bool:
    return (was.charge_on, was.amount, was.cost, was.tax) == (now.charge_on, now.amount, now.cost, now.tax)
