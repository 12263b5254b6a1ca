"""Print which platform services are enabled for whom, as JSON for the switch."""

import json
from datetime import datetime

import click

from portal.commands import with_app


@click.command()
@click.option("--customer", default="", help="A customer's name or number. Without: everyone with a service.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day (YYYY-MM-DD). Without: today.")
@with_app(reading=True)
def command(customer: str, on: datetime | None) -> None:
    """Print which platform services are enabled for whom, as JSON."""
    from portal.clock import today
    from portal.services.services_enabled import as_json, customers_called, services_enabled

    day = on.date() if on else today()
    ids = None
    if customer:
        ids = customers_called(customer)
        if len(ids) != 1:
            told = "No customer is" if not ids else f"{len(ids)} customers are"
            hint = "" if not ids else f" Give a number: {', '.join(map(str, ids))}."
            raise click.ClickException(f"{told} called {customer}.{hint}")
    click.echo(json.dumps(as_json(services_enabled(ids, day), day), indent=2, ensure_ascii=False))
