"""A worker: does jobs of the queue until it is told to stop, and looks every few seconds what has become due.

It has two lanes, each of which does one job at a time. What a killed worker had in hand is taken up by another one as
soon as nothing was heard of it for a while. A database that goes away is waited for.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
from flask import Flask
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Status
from sqlalchemy.exc import SQLAlchemyError

from portal import database, logs, schema
from portal.clock import now
from portal.domain.errors import RuleBroken
from portal.extensions import db
from portal.services import locking
from portal.services.mail import outbox
from portal.tasks import daily, jobs, queue
from portal.tasks.trying_again import MOST

log = logging.getLogger("portal.worker")
LOOKS_EVERY = 5  # seconds
POLLS_EVERY = 2  # seconds; a job that is handed on is announced, too
PAUSE = 2  # seconds, after the database went away
# A machine that is cut off notices: seconds until it asks whether the other side lives, and milliseconds until not.
NOTICED = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 30_000}
AWAY = (ConnectorException, SQLAlchemyError, psycopg.Error)


class Worker:
    """One process's worker."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.ended = asyncio.Event()
        self.error: Exception | None = None
        # The jobs in hand; under which numbers this process has worked; jobs that seem to be in hand, and are not.
        self.in_hand: set[int] = set()
        self.numbers: set[int] = set()
        self.lost: set[int] = set()

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
            conninfo=arguments[0] if arguments else "", kwargs={**NOTICED, **named}, min_size=1, max_size=4
        )

    def _inside(self, work: Callable[..., None]) -> Callable[..., None]:
        """What a job does, in a session of its own, and a line in the log of how it ended."""

        def inside(**arguments: int) -> None:
            what = " ".join([work.__name__, *(f"{name}={value}" for name, value in arguments.items())])
            log.info("%s: begun", what)
            try:
                with self.app.app_context(), locking.watched(), logs.about(job=work.__name__):
                    work(**arguments)
                log.info("%s: done", what)
            except jobs.PutDown:
                log.info("%s: put down", what)
                raise
            except (SQLAlchemyError, RuleBroken) as error:
                log.error(
                    "%s: not done: %s", what, " ".join(str(getattr(error, "orig", None) or error).split())
                )
                raise
            except Exception:
                log.exception("%s: not done", what)
                raise

        return inside

    async def _again_and_again(self, what: Callable[..., Awaitable[None]], *given: object) -> None:
        """Do it until the worker is stopped, whatever becomes of it: the database may have gone away meanwhile."""
        while not self.ended.is_set():
            try:
                await what(*given)
            except AWAY as error:
                log.error("The database does not answer: %s", " ".join(str(error.__cause__ or error).split()))
            except RuleBroken as error:  # such as a day that has not begun by this machine's clock
                log.error("Not handed on: %s", error.sentence)
            except Exception:
                log.exception("An error in the worker")
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
                worker_middleware=[self._note],
            )
        )
        ended = asyncio.create_task(self.ended.wait())
        await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not working.done():
            working.cancel()  # which it understands as: stop once what is in hand is put down
        with suppress(asyncio.CancelledError):
            await working

    async def _note(self, call_next: Callable[[], Awaitable[None]], context: JobContext, worker: Any) -> None:
        """Do a job, and know that it is in hand."""
        assert context.job.id is not None
        self.numbers.add(worker.worker_id)
        self.in_hand.add(context.job.id)
        try:
            await call_next()
        finally:
            self.in_hand.discard(context.job.id)

    async def _put_back_lost(self, tasks: App) -> None:
        """Put back what seems to be in hand: it was ended, and the database did not hear of it.

        It is seen twice before: how a job ended is said a moment after it has.
        """
        doing = await tasks.job_manager.list_jobs_async(status="doing")
        lost = {
            job.id: job
            for job in doing
            if job.id is not None and job.worker_id in self.numbers and job.id not in self.in_hand
        }
        for id in self.lost & lost.keys():
            log.warning("How %s ended was not heard of: it is done again.", lost[id].call_string)
            with suppress(ConnectorException):
                await tasks.job_manager.retry_job(lost[id])
        self.lost = set(lost)

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
            await self._put_back_lost(tasks)
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
