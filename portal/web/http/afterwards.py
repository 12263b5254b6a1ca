"""What is done once an answer has been given: sending mail, and whatever nobody should wait for.

One thread in each server process does it, one thing after the other. On SQLite it sends mail as well, and looks every
minute whether some has become due; on PostgreSQL workers do (portal/tasks). What is lost when the process dies is only
haste: the outbox is kept in the database. An answer takes the same time whether or not anything follows from it.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, Full, Queue
from typing import Any

from flask import Flask, Response, g
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from portal import database
from portal.clock import now
from portal.extensions import db
from portal.services.mail import outbox as mail
from portal.tasks import queue
from portal.web.http import links

MOST = 1_000  # things to do that one process remembers
EVERY = 60  # seconds between two looks into the outbox
PAUSE = 0.2  # seconds for the answer to be on its way

Work = Callable[[], Any]


class Afterwards:
    """What one process does after its answers."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.works: Queue[tuple[Work, str]] = Queue(MOST)
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None

    def do(self, work: Work, base_url: str) -> None:
        """Do it soon, where links begin with `base_url`; tests see it done at once."""
        if self.app.testing:
            self._do(work, base_url)
            return
        try:
            self.works.put_nowait((work, base_url))
        except Full:
            self.app.logger.error("There is too much to do after answers: something was left undone.")
        with self.starting:
            if self.thread is None:
                self.thread = threading.Thread(target=self._go_on, name="afterwards", daemon=True)
                self.thread.start()

    def _go_on(self) -> None:
        base_url = "http://localhost"
        while True:
            try:
                work, base_url = self.works.get(timeout=EVERY)
                threading.Event().wait(PAUSE)
            except Empty:
                work = send_if_due
            self._do(work, base_url)

    def _do(self, work: Work, base_url: str) -> None:
        with self.app.test_request_context(base_url=base_url):
            try:
                db.session.rollback()
                work()
            except (OperationalError, InterfaceError) as error:
                self.app.logger.error("Left undone after an answer: %s", database.words_of(error))
                with suppress(SQLAlchemyError):
                    db.session.rollback()
            except Exception:
                db.session.rollback()
                self.app.logger.exception("Something could not be done after an answer")


def afterwards(work: Work) -> None:
    """Do `work` once the answer to this request has been given, in a transaction of its own."""
    g.setdefault("afterwards", []).append(work)


def send_mail() -> None:
    """Send the messages waiting in the outbox."""
    mail.send_waiting(now())


def send_if_due() -> None:
    """Look without disturbing whoever writes, and send what has become due, where no worker does."""
    if queue.is_there():
        return
    with database.reading():
        due = mail.due_ids(now())
    if due:
        send_mail()


def register(app: Flask) -> None:
    """Hand over, with each answer, what is to be done after it."""
    office = app.extensions["portal.afterwards"] = Afterwards(app)

    @app.after_request
    def _hand_over(response: Response) -> Response:
        works: list[Work] = g.pop("afterwards", [])
        if db.session().info.pop("mail waits", False):
            works.append(send_mail)
        for work in works:
            response.call_on_close(partial(office.do, work, links.root()))
        return response
