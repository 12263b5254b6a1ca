"""Imports killed anywhere, gone on with by several, and the same file sent by two people at the same moment."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.models import Customer, FileKind, ImportState, MoveImport, MoveLine, MoveMade, Package
from portal.services.moving_in import accepting, making, undoing
from tests.services.moving_in.moving import BY, NOW, begun, clock, counts, moved, sent, taken_back
from tests.trade import TODAY

MANY = 40
CUSTOMERS = "Name,Account Codes,E-mail\n" + "".join(
    f"Customer {n},C-{n},c{n}@acme.example\n" for n in range(MANY)
)
PACKAGES = "Name,Currency,Retail\n" + "".join(
    f"Package {n},{currency},{n}\n" for n in range(MANY) for currency in ("EUR", "GBP")
)
FILES = [(FileKind.CUSTOMERS, CUSTOMERS, Customer), (FileKind.PACKAGES, PACKAGES, Package)]
each_kind = pytest.mark.parametrize(("kind", "text", "model"), FILES, ids=["customers", "packages"])


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


class Killed(BaseException):
    """As a process that is killed: nothing behind it is done."""


@each_kind
@pytest.mark.parametrize("at", [1, 2, 3, 7])
def test_killed_at_any_commit_it_goes_on_and_makes_each_once(
    session: Any, monkeypatch: pytest.MonkeyPatch, kind: FileKind, text: str, model: Any, at: int
) -> None:
    id, left = begun(sent(kind, text)).id, [at]

    def keep(*arguments: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed
        kept(*arguments)

    kept = making._keep
    monkeypatch.setattr(making, "_keep", keep)
    with pytest.raises(Killed):
        making.carry_out(id, TODAY, clock, size=5)
    session.rollback()
    import_ = making.carry_out(id, TODAY, clock, size=5)
    assert (import_.state, counts(import_), count(model), count(MoveMade)) == (
        ImportState.DONE, (MANY, 0, 0, 0, 0), MANY, MANY,
    )  # fmt: skip


@each_kind
def test_killed_in_being_taken_back_it_goes_on(
    session: Any, monkeypatch: pytest.MonkeyPatch, kind: FileKind, text: str, model: Any
) -> None:
    import_ = moved(kind, text)
    undoing.begin(import_, "The wrong file", by=BY, now=NOW)
    session.commit()
    undoing.carry_out(import_.id, TODAY, clock, size=9, is_asked_to_stop=lambda: True)
    assert 0 < count(model) < MANY
    assert undoing.carry_out(import_.id, TODAY, clock, size=9).state == ImportState.UNDONE
    assert count(model) == 0


def test_stopped_it_waits_for_somebody_to_go_on(session: Any) -> None:
    import_ = begun(sent(FileKind.CUSTOMERS, CUSTOMERS))
    making.stop(import_)
    session.commit()
    assert making.carry_out(import_.id, TODAY, clock).items_done == 0
    making.go_on(import_, NOW)
    session.commit()
    assert making.carry_out(import_.id, TODAY, clock).state == ImportState.DONE


def test_what_is_done_or_at_work_is_neither_begun_nor_gone_on_with(session: Any) -> None:
    import_ = begun(sent(FileKind.CUSTOMERS, CUSTOMERS))
    for refused in (
        lambda: making.go_on(import_, NOW),
        lambda: accepting.discard(import_),
        lambda: undoing.begin(import_, "Why", by=BY, now=NOW),
        lambda: making.begin(import_, takes_changes=False, good_only=True, today=TODAY, now=NOW),
    ):
        with pytest.raises(RuleBroken):
            refused()
        session.rollback()


def test_of_a_file_that_is_in_only_the_bad_lines_are_kept(session: Any) -> None:
    moved(FileKind.CUSTOMERS, CUSTOMERS + "Bad,,nobody\n")
    assert count(MoveLine) == 1


def test_a_file_that_waits_too_long_is_discarded_with_its_lines(session: Any) -> None:
    waits, begins = sent(FileKind.CUSTOMERS, CUSTOMERS), begun(sent(FileKind.PACKAGES, PACKAGES))
    assert accepting.sweep(NOW + timedelta(days=30), 30) == []
    assert accepting.sweep(NOW + timedelta(days=31), 30) == [waits]
    assert (waits.state, begins.state) == (ImportState.DISCARDED, ImportState.RUNNING)
    assert waits.sentence == "Discarded: nobody imported it within 30 days."
    assert not session.scalar(select(func.count()).where(MoveLine.import_id == waits.id))


def test_taken_back_twice_it_says_that_there_is_nothing_more(session: Any) -> None:
    import_ = taken_back(moved(FileKind.CUSTOMERS, CUSTOMERS))
    with pytest.raises(RuleBroken, match="has made nothing that could be undone"):
        undoing.begin(import_, "Again", by=BY, now=NOW)


def at_once(app: Flask, *acts: Callable[[], Any]) -> list[Any]:
    """What came of acts that are let loose together, each on a connection of its own."""
    db.session.rollback()  # on SQLite nobody else could write
    barrier, answers = threading.Barrier(len(acts)), dict[int, Any]()

    def do(number: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                answers[number] = acts[number]()
            except Exception as error:
                answers[number] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=do, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(acts))]


@each_kind
def test_two_people_who_send_the_same_file_at_the_same_moment_make_each_thing_once(
    app: Flask, session: Any, kind: FileKind, text: str, model: Any
) -> None:
    ids = [begun(sent(kind, text, is_new=True)).id for _ in range(2)]

    def work(id: int) -> Callable[[], tuple[int, ...]]:
        return lambda: counts(making.carry_out(id, TODAY, clock, size=5))

    found = at_once(app, *map(work, ids))
    assert [sum(one) for one in found] == [MANY, MANY]
    assert (sum(one[0] for one in found), count(model)) == (MANY, MANY)


@each_kind
def test_two_processes_at_work_on_one_import_make_each_thing_once(
    app: Flask, session: Any, kind: FileKind, text: str, model: Any
) -> None:
    id = begun(sent(kind, text)).id
    at_once(app, *[lambda: making.carry_out(id, TODAY, clock, size=5) for _ in range(2)])
    session.rollback()
    import_ = making.carry_out(id, TODAY, clock, size=5)
    assert (import_.state, counts(import_), count(model)) == (ImportState.DONE, (MANY, 0, 0, 0, 0), MANY)


def test_a_file_sent_again_while_it_waits_is_the_same_import(session: Any) -> None:
    first = sent(FileKind.CUSTOMERS, CUSTOMERS)
    assert sent(FileKind.CUSTOMERS, CUSTOMERS).id == first.id
    assert count(MoveImport) == 1
    begun(first)
    assert sent(FileKind.CUSTOMERS, CUSTOMERS).id != first.id
