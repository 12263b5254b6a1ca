"""Restore a backup into an empty database."""

from pathlib import Path

import click

from portal.commands import with_app


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app(any_version=True)
def command(file: Path) -> None:
    """Put everything that FILE (of `portal backup`) holds into the database, which must be empty.

    Killed anywhere, it leaves the database as empty as it was. Exit status 5: it is restored, and of another version
    than this portal, which the sentence says how to mend.
    """
    from portal import backups, schema
    from portal.extensions import db

    backups.restore(db.engine, file)
    click.echo(f"Restored from {file}.")
    with db.engine.connect() as connection:
        schema.check(connection, exact=True)
