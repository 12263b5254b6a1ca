"""Print which platform services are enabled for whom, as JSON for the switch."""

import json
from datetime import date

import click

from portal.commands import CALLED, DAY, with_app


@click.command()
@click.option("--customer", default="", help=f"One customer: {CALLED}. Default: everyone with a service.")
@click.option("--on", type=DAY, help="The day (YYYY-MM-DD). Default: today.")
@with_app(reading=True)
def command(customer: str, on: date | None) -> None:
    """Print which platform services are enabled for whom, as JSON."""
    from portal.clock import today
    from portal.services.customers import customers
    from portal.services.packages.services_enabled import as_json, services_enabled

    day = on or today()
    ids = [customers.named(customer).id] if customer else None
    click.echo(json.dumps(as_json(services_enabled(ids, day), day), indent=2, ensure_ascii=False))
