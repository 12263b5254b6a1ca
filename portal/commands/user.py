"""Create people who may sign in, and let in again who cannot get in by the pages."""

import click

from portal.commands import with_app

ROLES = ("owner", "billing", "viewer")


@click.group()
def command() -> None:
    """Create people who may sign in, and let them in again."""


@command.command()
@click.argument("email")
@click.option("--name", required=True, help="The name shown beside what they do.")
@click.option("--role", type=click.Choice(ROLES), default="billing", show_default=True)
@click.password_option(help="Prompted for, if left out.")
@with_app()
def create(email: str, name: str, role: str, password: str) -> None:
    """Create a member of staff with EMAIL."""
    from portal.extensions import db
    from portal.services.people.people import create_staff

    create_staff(email, name, password, role)
    db.session.commit()
    click.echo(f"{name} can sign in as {email} ({role}).")


@command.command()
@click.argument("email")
@click.password_option(help="Prompted for, if left out.")
@with_app()
def password(email: str, password: str) -> None:
    """Give the person with EMAIL a new password, where no mail can be sent. Ends their sessions."""
    from portal.clock import now
    from portal.extensions import db
    from portal.services.people import people

    person = people.known(email)
    people.set_password(person, password, now())
    db.session.commit()
    click.echo(f"{person} can sign in with the new password.")


@command.command("no-second-step")
@click.argument("email")
@with_app()
def no_second_step(email: str) -> None:
    """Let the person with EMAIL in by the password alone, where app and backup codes are lost."""
    from portal.clock import now
    from portal.extensions import db
    from portal.services.people import people

    person = people.known(email)
    people.take_second_step_away(person, None, now())
    db.session.commit()
    click.echo(f"{person} now signs in with the password only.")
