"""Bring the database's tables up or down, and check that they match the models."""

import click

from portal.commands import with_app


@click.group()
def command() -> None:
    """Upgrade or downgrade the database."""


def _alembic() -> tuple[object, object]:
    from alembic import command as alembic
    from flask import current_app

    from portal.database import alembic_config

    return alembic, alembic_config(current_app._get_current_object())  # type: ignore[attr-defined]


@command.command()
@click.argument("revision", default="head")
@with_app(any_version=True)
def upgrade(revision: str) -> None:
    """Up to REVISION (the newest, if not given)."""
    from flask import current_app

    from portal import demo_database

    if aside := demo_database.set_aside(current_app.config):
        click.echo(
            f"The demo's database was made by an earlier version, which this one does not read: it is kept as {aside}."
        )
    alembic, config = _alembic()
    alembic.upgrade(config, revision)  # type: ignore[attr-defined]
    demo_database.keep_first(current_app.config)
    click.echo("The database is up to date.")


@command.command()
@click.argument("revision")
@click.option(
    "--database", metavar="NAME", help="The name of the database, to confirm that its data may be lost."
)
@with_app(any_version=True)
def downgrade(revision: str, database: str | None) -> None:
    """Down to REVISION (base: nothing left).

    Where the database holds charges, balance entries, payments, calls or customers, it is refused unless the database
    is named (--database): no upgrade brings back what is lost.
    """
    alembic, config = _alembic()
    config.attributes["database"] = database  # type: ignore[attr-defined]
    alembic.downgrade(config, revision)  # type: ignore[attr-defined]
    click.echo(f"The database is at {revision}.")


@command.command()
@with_app()
def check() -> None:
    """Say whether the tables match the models."""
    import warnings

    alembic, config = _alembic()
    with warnings.catch_warnings():
        # Of SQLite no index over an expression can be read back: they are not compared.
        warnings.filterwarnings("ignore", message=".*expression-based index")
        alembic.check(config)  # type: ignore[attr-defined]


@command.command()
@click.argument("number")
@click.argument("message")
@with_app(any_version=True)
def revision(number: str, message: str) -> None:
    """Draft migration NUMBER (such as 0002) from what the models have and the database lacks."""
    alembic, config = _alembic()
    alembic.revision(config, message=message, rev_id=number, autogenerate=True)  # type: ignore[attr-defined]
