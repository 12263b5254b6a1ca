"""Serve the portal with gunicorn."""

import os
import socket
import sys

import click


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
    _check_version(settings["SQLALCHEMY_DATABASE_URI"])
    name = "localhost" if host in ("127.0.0.1", "::1") else host
    click.echo(f"\n  The portal is at  {settings['URL'] or f'http://{name}:{port}'}")
    if demo:
        from portal.services.people.people import DEMO_CUSTOMER_EMAIL, DEMO_EMAIL, DEMO_PASSWORD

        click.echo(f"  Sign in with      {DEMO_EMAIL}\n  Password          {DEMO_PASSWORD}")
        click.echo(f"  Or, as a customer {DEMO_CUSTOMER_EMAIL}, with the same password")
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


def _check_version(url: str) -> None:
    """Refuse a database that this portal may not serve. One that is away just now is waited for, being served."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    from portal import database, schema

    engine = create_engine(url)
    if engine.dialect.name == "postgresql":
        from portal.waiting import Limits, Patience

        Patience(engine, Limits(statement=2, lock=2, answer=2, every=1))
    try:
        with database.reading(), engine.connect() as connection:
            schema.check(connection, exact=False)
    except SQLAlchemyError as error:
        click.echo(f"The database does not answer yet: {database.words_of(error)}", err=True)
    finally:
        engine.dispose()


def _check_port(host: str, port: int) -> None:
    """Say so at once where the address is taken, instead of trying it again and again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on port {port} of {host}: {(error.strerror or str(error)).lower()}. "
            f"Choose another: make run PORT={port + 1}, or portal serve --port {port + 1}."
        ) from error
