"""Load the demo company, once."""

from importlib import import_module

import click

from portal.commands import with_app


@click.command()
@with_app()
def command() -> None:
    """Load the demo company, if there is nothing yet."""
    from flask import current_app
    from sqlalchemy import func, select

    from portal.clock import today
    from portal.config import DEMO
    from portal.extensions import db
    from portal.models import Package
    from portal.services import people

    if current_app.config["MODE"] != DEMO:
        raise click.ClickException("The demo company, with its known password, is for demo mode only.")
    people.ensure_demo_owner()
    db.session.commit()
    if db.session.scalar(select(func.count()).select_from(Package)):
        click.echo("There is data already; nothing loaded.")
        return
    try:
        demo = import_module("portal.services.demo")
    except ModuleNotFoundError as error:
        if error.name != "portal.services.demo":
            raise
        click.echo("There is no demo company yet.")
        return
    click.echo("Loading the demo company: packages, customers, DIDs and half a year of charges.")
    demo.load(today(), say=click.echo)
    db.session.commit()
    click.echo("The demo company is loaded.")
