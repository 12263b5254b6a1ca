"""Create people who may sign in."""

import click

from portal.commands import with_app

ROLES = ("owner", "billing", "viewer")


@click.group()
def command() -> None:
    """Create people who may sign in."""


@command.command()
@click.argument("email")
@click.option("--name", required=True, help="As it stands beside what they do.")
@click.option("--role", type=click.Choice(ROLES), default="billing", show_default=True)
@click.password_option(help="Asked for, unless given.")
@with_app()
def create(email: str, name: str, role: str, password: str) -> None:
    """Create a member of staff with EMAIL."""
    from portal.extensions import db
    from portal.services.people import create_staff

    create_staff(email, name, password, role)
    db.session.commit()
    click.echo(f"{name} may sign in as {email} ({role}).")
