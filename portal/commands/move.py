"""Take a portal over from SQLite to PostgreSQL."""

from pathlib import Path

import click

from portal.commands import with_app


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app(any_version=True, one_act=False)
def command(file: Path) -> None:
    """Take everything in FILE, a SQLite database, over to the PostgreSQL that PORTAL_DATABASE_URL names.

    Stop the portal first. The PostgreSQL database must be empty; its tables are made. All rows go over in one
    transaction, and each is compared with what it was before it is stored: all of them, or none. FILE stays as it is.
    """
    from flask import current_app

    from portal import database, moving
    from portal.domain.wording import plural
    from portal.extensions import db

    if db.engine.dialect.name != "postgresql":
        raise click.ClickException("PORTAL_DATABASE_URL names no PostgreSQL to move to.")
    database.upgrade(current_app._get_current_object())  # type: ignore[attr-defined]

    def say(table: str, count: int) -> None:
        click.echo(f"{table}: {plural(count, 'row')}", err=True)

    count = moving.move(file, db.engine, say)
    click.echo(f"{plural(count, 'row')} moved, each compared.")
