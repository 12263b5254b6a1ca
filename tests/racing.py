"""Two acts at the same moment on PostgreSQL, and what has to come of them.

Whatever happens side by side has to end as if one act had come after the other: with the same answers, the same
sentences and the same rows as in one of the two orders. One act is held between its check and its write, until the
other is done or waits for it: what chance finds seldom is so found always.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from portal.extensions import db
from portal.models import Company
from portal.services import locking
from tests import race_invariants, race_scene, trade, world
from tests.pages import read
from tests.race_acts import Act
from tests.race_pairs import is_loose
from tests.race_scene import Scene

PATIENCE = 20.0
KINDS = {
    "company": "company", "did": "did", "bankfile": "bank_file", "bankline": "bank_line",
    "customer": "customer", "package": "package", "connexcs": "connexcs_package",
    "person": "user", "position": "assignment_position", "charge": "charge", "import": "call_import",
    "move": "move_import",
}  # fmt: skip
LOCKING = re.compile(r'\bFROM "?(\w+)"?\s.*\bFOR (NO KEY UPDATE|SHARE|UPDATE|KEY SHARE)\b', re.S)
WRITING = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)"?', re.I)
# What is written of everybody who asks is not the act.
BESIDE = {"user_session", "sign_in_attempt", "mail"}
# How a run tells how far it is: nobody's rule reads it.
OF_RUNS = {"run", "run_total", "run_exception", "simulated_charge", "audit_entry"}
# Columns in which two orders of the same acts may differ: when, with which secret, how often it was saved.
VOLATILE = {
    "token", "token_digest", "digest", "leads_to", "key", "text", "html", "fs_uniquifier", "password",
    "path", "before", "after", "paused_seconds", "due_count", "done_count",
}  # fmt: skip
# Two plays may fall in two minutes.
INSTANT = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}, \d{2}:\d{2}")
SECRET = re.compile(r"[0-9a-f]{32,}|[\w-]{43}")

WAITING = """SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1"""

_here = threading.local()


@dataclass
class Gate:
    """Where an act waits before a statement: its first write, or the first that says what it is `held_at`."""

    held_at: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def holds(self, statement: str) -> bool:
        """Whether this is the statement."""
        table = WRITING.match(statement)
        return bool(table and table[1] not in BESIDE | OF_RUNS and self.held_at in statement)

    def wait(self) -> None:
        """Say that the check is done, and stay until whoever opens."""
        self.reached.set()
        assert self.opened.wait(PATIENCE), "nobody opened"


def _before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    gate: Gate | None = getattr(_here, "gate", None)
    if gate is not None and gate.holds(statement):
        _here.gate = None
        gate.wait()
    seen: dict[str, str] | None = getattr(_here, "seen", None)
    # (What posts also holds the version of the database still: portal/schema.py. No act changes that.)
    if seen is not None and (found := LOCKING.search(statement)) and found[1] != "alembic_version":
        kind = next((kind for kind, table in KINDS.items() if table == found[1]), found[1])
        how = {"NO KEY UPDATE": "alone", "SHARE": "shared"}.get(found[2], found[2])
        seen[kind] = "alone" if "alone" in (how, seen.get(kind)) else how


event.listen(Engine, "before_cursor_execute", _before)


@contextmanager
def observed() -> Iterator[dict[str, str]]:
    """The kinds of rows that are locked in here, and how, as the database is told."""
    _here.seen = seen = {}
    try:
        yield seen
    finally:
        _here.seen = None


@dataclass(frozen=True)
class Outcome:
    """What came of acts: status and sentences of each answer, and what is stored."""

    answers: tuple[tuple[int, str], ...]
    stored: tuple[str, ...]


class Races:
    """The database of the races, and its scenes."""

    def __init__(self, database: world.Postgresql, folder: Path) -> None:
        self.database, self.app = database, database.app
        self._set_the_day()
        self.scenes: dict[str, Scene] = {}
        for name, make in (("busy", race_scene.busy), ("blank", race_scene.blank)):
            database.clean()
            with self.app.app_context():
                scene = make(folder)
                scene.names["company.version"] = db.session.get_one(Company, 1).version
                self.scenes[name] = scene
        with self.app.app_context():
            self.engine = db.engine
        self.watcher = database.engine.connect()
        self._alone: dict[tuple[str, ...], Outcome] = {}

    def close(self) -> None:
        """Let go of the database."""
        self.watcher.close()
        self.database.set_again()
        self.database.close()

    # -- one after the other

    def alone(self, *acts: Act) -> Outcome:
        """Acts one after the other: what they come to is remembered."""
        key = tuple(act.name for act in acts)
        if key not in self._alone:
            scene = self._reset(acts)
            answers = [self._play(act, scene, f"click {n}") for n, act in enumerate(acts)]
            self._alone[key] = Outcome(tuple(answers), self._stored(scene))
            wrong = self.broken()
            assert not wrong, f"{key}, one after the other: {wrong}"
        return self._alone[key]

    def locks(self, act: Act) -> tuple[int, dict[str, str]]:
        """What an act answers, and what it locks."""
        scene = self._reset([act])
        with observed() as seen:
            status, _ = self._play(act, scene, "click")
        return status, dict(seen)

    # -- at the same moment

    def meeting(self, first: Act, second: Act) -> str:
        """What is wrong when the first act is held at its first write until the second is done or waits; or nothing."""
        scene, gate = self._reset([first, second]), Gate(first.held_at)
        one = Player(self, first, scene, "click 0", gate)
        one.start()
        _until(lambda: gate.reached.is_set() or not one.is_alive())
        two = Player(self, second, scene, "click 1")
        two.start()
        _until(lambda: not two.is_alive() or self._somebody_waits())
        gate.opened.set()
        return self._judged(scene, [one, two])

    def crowd(self, acts: Sequence[Act]) -> str:
        """What is wrong when all of these are let loose together; only what must always hold is asked."""
        scene, start = self._reset(acts), Gate()
        players = [Player(self, act, scene, f"click {n}") for n, act in enumerate(acts)]
        for player in players:
            player.begins = start.opened
            player.start()
        start.opened.set()
        for player in players:
            player.join(PATIENCE)
        wrong = [f"{p.act.name}: {p.problem()}" for p in players if p.problem()]
        return "; ".join(wrong + self.broken())

    def _judged(self, scene: Scene, players: "list[Player]") -> str:
        for player in players:
            player.join(PATIENCE)
        wrong = [f"{p.act.name}: {p.problem()}" for p in players if p.problem()] + self.broken()
        if wrong or is_loose(*(player.act.of for player in players)):
            return "; ".join(wrong)
        came = Outcome(tuple(player.answer for player in players), self._stored(scene))
        first, second = (player.act for player in players)
        back = self.alone(second, first)
        orders = [self.alone(first, second), Outcome((back.answers[1], back.answers[0]), back.stored)]
        return "" if came in orders else _differences(came, orders)

    def broken(self) -> list[str]:
        """Rules that do not hold in what is stored now."""
        with self.app.app_context():
            found = race_invariants.broken()
            db.session.rollback()
        return found

    def _play(self, act: Act, scene: Scene, click: str) -> tuple[int, str]:
        status, page = act(self.app, scene, click)
        return status, _sentences(page) if status >= 400 else ""

    def _reset(self, acts: Sequence[Act]) -> Scene:
        scene = self.scenes["blank" if any(act.scene == "blank" for act in acts) else "busy"]
        self._set_the_day()
        with self.app.app_context():
            scene.reset()
        return scene

    def _set_the_day(self) -> None:
        """Of the scenes; the next test of another kind finds the application as it began."""
        self.app.config["TODAY"] = trade.TODAY.isoformat()

    def _somebody_waits(self) -> bool:
        return self.watcher.execute(text(WAITING)).first() is not None

    def _stored(self, scene: Scene) -> tuple[str, ...]:
        """Every row, as it would be in either order: numbers that are new, times and secrets left out."""
        found = []
        with self.engine.connect() as connection:
            for table in db.metadata.sorted_tables:
                if table.name in BESIDE | {"run_total"}:
                    continue
                columns = [c for c in table.columns if c.name not in VOLATILE]
                for row in connection.execute(table.select()).mappings():
                    said = {c.name: _plain(c, row[c.name], scene) for c in columns}
                    found.append(f"{table.name} {said}")
        return tuple(sorted(found))


class Player(threading.Thread):
    """Somebody who does one thing, in a thread."""

    def __init__(self, races: Races, act: Act, scene: Scene, click: str, gate: Gate | None = None) -> None:
        super().__init__(daemon=True)
        self.races, self.act, self.scene, self.click, self.gate = races, act, scene, click, gate
        self.begins: threading.Event | None = None
        self.answer: tuple[int, str] = (-1, "no answer")
        self.error: BaseException | None = None

    def run(self) -> None:
        _here.gate = self.gate
        if self.begins:
            self.begins.wait(PATIENCE)
        try:
            with locking.watched(locking.RAISE):
                self.answer = self.races._play(self.act, self.scene, self.click)
        except Exception as error:
            self.error = error

    def problem(self) -> str:
        """What went wrong with it; nothing, where it was done or refused."""
        if self.is_alive():
            return "it waits for ever"
        if self.error:
            return f"{type(self.error).__name__}: {str(self.error)[:300]}"
        return f"answered {self.answer[0]}" if self.answer[0] >= 500 else ""


def _plain(column: Any, value: Any, scene: Scene) -> Any:
    """A value, or `new` for the number of a row that was not there in the beginning."""
    named = next((key.column.table.name for key in column.foreign_keys if key.column.name == "id"), None)
    table = column.table.name if column.name == "id" else named
    if table is None and column.name.endswith("_id") and isinstance(value, int):
        table = column.name.removesuffix("_id")
    if table and isinstance(value, int) and value > scene.highest.get(table, 0):
        return "new"
    return "then" if isinstance(value, datetime) else value


def _sentences(page: str) -> str:
    """What a refusal says."""
    soup = read(page)
    main = soup.select_one("main") or soup
    return INSTANT.sub("then", SECRET.sub("...", " ".join(main.get_text(" ").split())))


def _from(text: str, other: str) -> str:
    """The part of a text in which it differs from another, from a little before."""
    at = next((n for n, (mine, theirs) in enumerate(zip(text, other, strict=False)) if mine != theirs), 0)
    return text[max(at - 60, 0) : at + 240]


def _differences(came: Outcome, orders: list[Outcome]) -> str:
    """How what came differs from either order, in few words."""
    told = [f"it came to {[status for status, _ in came.answers]}"]
    for words, order in zip(("in order", "the other way round"), orders, strict=True):
        lacks = [row[:200] for row in order.stored if row not in came.stored]
        more = [row[:200] for row in came.stored if row not in order.stored]
        said = [
            f"says {_from(one[1], other[1])!r}, not {_from(other[1], one[1])!r}"
            for one, other in zip(came.answers, order.answers, strict=True)
            if one[1] != other[1]
        ]
        told.append(
            f"{words} {[status for status, _ in order.answers]}: {said} lacks {lacks[:3]}, has {more[:3]}"
        )
    return "\n  ".join(told)


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it goes on for ever"
        time.sleep(0.002)
