"""Work off what waits: runs, imports, mail, and what comes every day. As many as wanted, on as many machines."""

import click

from portal.commands import with_app
from portal.exit_status import REFUSED, Failed


@click.command()
@with_app()
def command() -> None:
    """Do what the portal has handed on, and what comes every day, until stopped (Ctrl-C, SIGTERM).

    What is in hand is put down behind the chunk being processed, and another worker goes on with it. PostgreSQL only:
    on SQLite the portal starts a process for each long run or import, and cron the rest.
    """
    import asyncio

    from flask import current_app

    from portal import logs
    from portal.tasks import queue

    if not queue.is_there():
        raise Failed(
            "Workers need PostgreSQL. On SQLite long runs and imports are started by the portal, and what comes every "
            "day by cron: portal charge, portal notices, portal mail send.",
            REFUSED,
        )
    from portal.tasks.worker import Worker

    logs.set_up(current_app.config["LOG"])
    asyncio.run(Worker(current_app._get_current_object()).run())  # type: ignore[attr-defined]
