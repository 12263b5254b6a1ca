"""A worker: does jobs of the queue until it is told to stop, and looks every few seconds what has become due.

It has two lanes, each of which does one job at a time. What a killed worker had in hand is taken up by another one as
soon as nothing was heard of it for a while. A database that goes away is waited for.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psycopg
from flask import Flask
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from sqlalchemy.exc import SQLAlchemyError

from portal import database, logs, schema
from portal.clock import now
from portal.extensions import db
from portal.services import locking
from portal.services.mail import outbox
from portal.tasks import daily, jobs, queue
from portal.tasks.trying_again import MOST

log = logging.getLogger("portal.worker")
LOOKS_EVERY = 5  # seconds
POLLS_EVERY = 2  # seconds; a job that is handed on is announced, too
PAUSE = 2  # seconds, after the database went away
AWAY = (ConnectorException, SQLAlchemyError, psycopg.Error)


class Worker:
    """One process's worker."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.ended = asyncio.Event()
        self.error: Exception | None = None

    async def run(self) -> None:
        """Work until a signal says stop. Raises OtherVersion once the database is of another version."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self.stop)
        jobs.putting_down.clear()
        async with queue.app_with(self._connector(), self._inside).open_async() as tasks:
            lanes = [self._again_and_again(self._lane, tasks, lane) for lane in (jobs.LONG, jobs.QUICK)]
            await asyncio.gather(*lanes, self._again_and_again(self._look, tasks))
        if self.error:
            raise self.error

    def stop(self) -> None:
        """Take no other job, and put down what is in hand."""
        jobs.putting_down.set()
        self.ended.set()

    def _connector(self) -> PsycopgConnector:
        with self.app.app_context():
            arguments, named = db.engine.dialect.create_connect_args(db.engine.url)
        return PsycopgConnector(
            conninfo=arguments[0] if arguments else "", kwargs=named, min_size=1, max_size=4
        )

    def _inside(self, work: Callable[..., None]) -> Callable[..., None]:
        """What a job does, in a session of its own."""

        def inside(**arguments: int) -> None:
            with self.app.app_context(), locking.watched(), logs.about(job=work.__name__):
                work(**arguments)

        return inside

    async def _again_and_again(self, what: Callable[..., Awaitable[None]], *given: object) -> None:
        """Do it until the worker is stopped, also where the database has gone away meanwhile."""
        while not self.ended.is_set():
            try:
                await what(*given)
            except AWAY as error:
                log.error("The database does not answer: %s", " ".join(str(error.__cause__ or error).split()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), PAUSE)

    async def _lane(self, tasks: App, lane: str) -> None:
        """Do the jobs of one lane."""
        working = asyncio.create_task(
            tasks.run_worker_async(
                queues=[lane],
                name=lane,
                fetch_job_polling_interval=POLLS_EVERY,
                update_heartbeat_interval=queue.HEARTBEAT,
                stalled_worker_timeout=queue.SILENT,
                delete_jobs="successful",
                install_signal_handlers=False,
            )
        )
        ended = asyncio.create_task(self.ended.wait())
        await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not working.done():
            working.cancel()  # which it understands as: stop once what is in hand is put down
        with suppress(asyncio.CancelledError):
            await working

    async def _look(self, tasks: App) -> None:
        """Look what has become due, and for what a killed worker has left."""
        while not self.ended.is_set():
            try:
                await asyncio.to_thread(self._look_once)
            except schema.OtherVersion as error:
                self.error = error
                self.stop()
                return
            await take_up_stalled(tasks)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), LOOKS_EVERY)

    def _look_once(self) -> None:
        with self.app.app_context():
            with database.reading(), db.engine.connect() as connection:
                schema.check(connection, exact=True)
            daily.look()
            if outbox.due_ids(now()):
                queue.enqueue("mail")
                db.session.commit()


async def take_up_stalled(tasks: App) -> None:
    """Put back what a worker had in hand that was killed; what was tried too often has failed."""
    manager = tasks.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=queue.SILENT):
        log.warning("Nothing is heard of who did %s: it is done again.", job.call_string)
        with suppress(ConnectorException):  # another worker was quicker
            if job.attempts >= MOST:
                await manager.finish_job(job, status=Status.FAILED, delete_job=False)
            else:
                await manager.retry_job(job)
