"""Serve the portal with gunicorn."""

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal.domain.wording import listed
from portal.exit_status import PORT_TAKEN, REFUSED, Failed

if TYPE_CHECKING:
    from sqlalchemy import Connection

LISTENS = "0A"  # the state of a socket, as Linux writes it


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--debug", is_flag=True, help="Flask's own server, which reloads what was edited.")
def command(host: str, port: int, debug: bool) -> None:
    """Serve the portal."""
    from portal.config import DEMO, finish, load

    settings = load()
    finish(settings)  # what cannot start says so here, not in the log of each process
    demo = settings["MODE"] == DEMO
    if demo and host not in ("localhost", "127.0.0.1", "::1"):
        raise click.ClickException(
            f"The demo, whose password everybody knows, cannot be served at {host}: it is for this machine only. "
            "Set PORTAL_MODE=production (docs/running.md)."
        )
    if debug and not demo:
        raise click.ClickException(
            "Debugging is not allowed in production: it would show internals of the portal."
        )
    _check_port(host, port)
    answers = _check_version(settings["SQLALCHEMY_DATABASE_URI"])
    name = "localhost" if host in ("127.0.0.1", "::1") else host
    click.echo(f"\n  The portal is at  {settings['URL'] or f'http://{name}:{port}'}")
    if demo and answers:
        _say_who_signs_in(settings["SQLALCHEMY_DATABASE_URI"])
    click.echo("", nl=True)
    sys.stdout.flush()
    if debug:
        arguments = ["-m", "flask", "--app", "portal.wsgi", "run", "--debug", "-h", host, "-p", str(port)]
    else:
        arguments = [
            *("-m", "gunicorn", "--config", "python:portal.serving", "portal.wsgi:app"),
            *("--bind", f"{host}:{port}", "--workers", str(settings["WORKERS"])),
        ]
    os.execv(sys.executable, [sys.executable, *arguments])


def _say_who_signs_in(url: str) -> None:
    """The demo's own sign-ins, as far as there are such people; else how somebody gets in."""
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from portal.models.user import User
    from portal.services.people.people import DEMO_CUSTOMER_EMAIL, DEMO_EMAIL, DEMO_PASSWORD

    try:
        with _connected(url) as connection:
            active = set(connection.scalars(select(User.email).where(User.active)))
    except SQLAlchemyError:
        return  # the database is away: the page of the sign-in says who there is
    if DEMO_EMAIL in active:
        click.echo(f"  Sign in with      {DEMO_EMAIL}\n  Password          {DEMO_PASSWORD}")
    if DEMO_CUSTOMER_EMAIL in active:
        click.echo(f"  Or, as a customer {DEMO_CUSTOMER_EMAIL}, with the same password")
    if not active:
        click.echo(
            "  Nobody can sign in yet: portal seed loads the demo company, portal user create adds a person."
        )


def _check_version(url: str) -> bool:
    """Refuse a database that this portal may not serve. One that is away just now is waited for, being served.

    Whether it answers.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from portal import database, schema

    try:
        with database.reading(), _connected(url) as connection:
            schema.check(connection, exact=False)
    except SQLAlchemyError as error:
        click.echo(f"The database does not answer yet: {database.words_of(error)}", err=True)
        return False
    return True


@contextmanager
def _connected(url: str) -> Iterator["Connection"]:
    """A connection that waits no longer than a person does who wants to see the portal start."""
    from sqlalchemy import create_engine

    engine = create_engine(url)
    if engine.dialect.name == "postgresql":
        from portal.waiting import Limits, Patience

        Patience(engine, Limits(statement=2, lock=2, answer=2, every=1))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _check_port(host: str, port: int) -> None:
    """Say so at once where the address is taken, and by whom, instead of trying it again and again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        said = f"Cannot listen on port {port} of {host}: {(error.strerror or str(error)).lower()}."
        if error.errno != errno.EADDRINUSE:
            raise Failed(said, REFUSED) from error
        raise Failed(f"{said} {_whose(port)}", PORT_TAKEN) from error


def _whose(port: int) -> str:
    """Which processes hold a port, and what can be done."""
    another = f"choose another: make run PORT={port + 1}, or portal serve --port {port + 1}."
    holders = held_by(port)
    if not holders:
        return f"Who holds it, another user can see (as root: ss -ltnp 'sport = :{port}'). End that one, or {another}"
    if any("portal.wsgi" not in command for command in holders.values()):
        named = [f"process {pid} ({command})" for pid, command in holders.items()]
        return f"It is held by {listed(named)}. End it, or {another}"
    pids = " ".join(str(pid) for pid in holders)
    return (
        f"A portal holds it: process {pids}. Stop that one, or {another} (Where its first process was killed, the "
        f"others end when they have answered whom they answer. At once: kill -QUIT {pids}.)"
    )


def held_by(port: int) -> dict[int, str]:
    """The processes that listen on a port, each with its command line, as far as Linux shows them to this user."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            rows = [row.split() for row in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]]
            sockets |= {
                f"socket:[{row[9]}]" for row in rows if row[3] == LISTENS and int(row[1][-4:], 16) == port
            }
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & _opened(process):
            with suppress(OSError):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(process.name)] = command.strip()
    return dict(sorted(found.items()))


def _opened(process: Path) -> set[str]:
    """What a process has open; nothing where it is somebody else's, or has ended."""
    found = set()
    with suppress(OSError):
        for opened in (process / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found.add(os.readlink(opened))
    return found
