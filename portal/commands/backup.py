"""Write a backup of the database, also while the portal is in use."""

from pathlib import Path

import click

from portal.commands import with_app


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_app(any_version=True)
def command(file: Path) -> None:
    """Write everything that the database holds into FILE, which must not be there yet.

    Fit for cron, while the portal is in use. On PostgreSQL it needs a pg_dump that is as new as the server.
    """
    from portal import backups
    from portal.domain.wording import whole
    from portal.extensions import db

    backups.back_up(db.engine, file)
    click.echo(f"Written to {file}: {whole(file.stat().st_size)} bytes.")
