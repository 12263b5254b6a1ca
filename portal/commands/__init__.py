"""The commands of `portal`: one module each, holding a click command called `command`.

A new command is a module here and a line in COMMANDS. Import what is heavy inside the command;
`@with_app` gives it the application.
"""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, TypeVar

import click

COMMANDS = {
    "serve": "Serve the portal.",
    "db": "Upgrade or downgrade the database.",
    "backup": "Write a backup of the database.",
    "restore": "Restore a backup into an empty database.",
    "move": "Take everything over from SQLite to PostgreSQL.",
    "seed": "Load the demo company, or made-up assignments, into an empty portal.",
    "user": "Create people who can sign in, and help them back in.",
    "simulate": "Show what a scenario (JSON) would be charged, and why.",
    "charge": "Post every charge that is due, or simulate it.",
    "preview": "Show what falls due over a span of days, and why.",
    "import": "Import files: calls, DIDs, bank statements, what one moves in with.",
    "export": "Write a list into a file: CSV, or a workbook for Excel.",
    "summary": "Write charge summaries as PDF files.",
    "summaries": "Send the charge summaries of a month by mail.",
    "services": "Print which platform services are enabled for whom, as JSON.",
    "notices": "Announce charges to come, each once.",
    "worker": "Do what waits, and what comes every day, until stopped.",
    "mail": "Send the messages waiting in the outbox.",
    "settings": "Show every setting, its default and its unit.",
}

# How a customer is called, on the command line as in files.
CALLED = "an account code, a name, or #12"

# The number of a run or an import: none is larger than a database can hold.
NUMBER = click.IntRange(1, 2**63 - 1)

Function = TypeVar("Function", bound=Callable[..., Any])


class _Day(click.ParamType[date]):
    """A day, as it is written in files: 2026-01-31."""

    name = "yyyy-mm-dd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is not a date. Write it like 2026-01-31.", param, ctx)


DAY = _Day()


def with_app(
    *, reading: bool = False, one_act: bool = True, any_version: bool = False
) -> Callable[[Function], Function]:
    """Run a command inside the application; one that only reads takes no lock and cannot write.

    Each of its transactions is `one_act`, whose locks are watched; only the demo tells many in one. A database of
    another version is refused, but by a command that is made for `any_version`.
    """

    def decorate(function: Function) -> Function:
        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            from contextlib import nullcontext

            from portal import create_app, database, logs, schema
            from portal.config import load
            from portal.extensions import db
            from portal.services import locking

            logs.for_a_command(load()["LOG"])
            with (
                create_app().app_context(),
                database.reading() if reading else nullcontext(),
                database.for_a_command(),
                locking.watched() if one_act else nullcontext(),
            ):
                if not any_version:
                    with database.reading(), db.engine.connect() as connection:
                        schema.check(connection, exact=not reading)
                return function(*args, **kwargs)

        inside.reads_only = reading  # type: ignore[attr-defined]
        return inside  # type: ignore[return-value]

    return decorate
