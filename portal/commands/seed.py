"""Load the demo company, once."""

import click

from portal.commands import with_app


@click.command()
@with_app(one_act=False)
def command() -> None:
    """Load the demo company into an empty portal."""
    from flask import current_app

    from portal.clock import today
    from portal.config import DEMO
    from portal.extensions import db
    from portal.services import demo
    from portal.services.people import people

    if current_app.config["MODE"] != DEMO:
        raise click.ClickException("The demo company, with its known password, is for demo mode only.")
    people.ensure_demo_owner()
    db.session.commit()
    if reason := demo.why_not_load():
        click.echo(reason)
        return
    click.echo("Loading the demo company: packages, customers, DIDs and half a year of charges.")
    demo.load(today(), say=click.echo)
    click.echo("The demo company is loaded.")
