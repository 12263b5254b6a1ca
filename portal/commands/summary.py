"""Charge summaries as PDF files: of one customer, or of everyone who was charged in a span of days."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from portal import private
from portal.commands import DAY, with_app
from portal.domain.schedule import FIRST_DAY, LAST_DAY


@click.command()
@click.argument("who", metavar="CUSTOMER")
@click.argument("begins", metavar="FROM", type=DAY)
@click.argument("through", metavar="TO", type=DAY)
@click.option("--pdf", is_flag=True, help="Write PDF files (the only format).")
@click.option("--paper", type=click.Choice(["a4", "letter"]), default="a4", help="The size of the paper.")
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="The folder to write to."
)
@with_app(reading=True)
def command(who: str, begins: date, through: date, pdf: bool, paper: str, into: Path) -> None:
    """Write the charge summary of CUSTOMER (an account code, a name, or #12; `all` for everyone) from FROM to TO.

    \b
    portal summary "Northwind Telecom" 2026-10-01 2026-10-31 --pdf
    portal summary all 2026-10-01 2026-10-31 --pdf --into october
    """
    from sqlalchemy import select

    from portal.clock import today
    from portal.commands.charge import customer_called
    from portal.extensions import db
    from portal.models import Charge

    span = (begins, through)
    if span[1] < span[0]:
        raise click.ClickException("TO is before FROM.")
    if not FIRST_DAY <= span[0] <= span[1] <= LAST_DAY:
        raise click.ClickException(f"Days must be between {FIRST_DAY.year} and {LAST_DAY.year}.")
    if who == "all":
        charged = select(Charge.customer_id).where(Charge.charge_on.between(*span)).distinct()
        ids = list(db.session.scalars(charged.order_by(Charge.customer_id)))
    else:
        customer = customer_called(who)
        ids = [customer.id] if customer else []
    db.session.rollback()
    if not ids:
        click.echo(f"Nobody was charged from {span[0]} to {span[1]}: there is nothing to write.")
        return
    private.folder(into)
    refused = []
    for done, why in enumerate(write(ids, span, today(), paper, into), start=1):
        refused += [why] if why else []
        click.echo(f"\r{done - len(refused)} of {len(ids)} summaries written.", nl=False, err=True)
    click.echo(err=True)
    click.echo(f"{len(ids) - len(refused)} written to {into.resolve()}.")
    if refused:
        raise click.ClickException("\n".join(refused))


def write(ids: list[int], span: tuple[date, date], today: date, paper: str, into: Path) -> Iterator[str]:
    """Write a summary of each customer; after each, why it was not written, or nothing.

    A file is there whole or not at all: it holds everything, or is refused, and the others are written all the same.
    """
    from portal.domain.errors import RuleBroken
    from portal.extensions import db
    from portal.models import Customer
    from portal.models.company import company
    from portal.services.summary import for_paper
    from portal.services.summary import paper as setting

    for customer_id in ids:
        try:
            found = for_paper(db.session.get_one(Customer, customer_id), *span, today)
            made = setting.pdf(found, company(), today, paper)
        except RuleBroken as refusal:
            db.session.rollback()
            yield str(refusal)
            continue
        part = into / (setting.file_name(found) + ".part")
        with open(part, "wb", opener=private.opener) as file:
            file.write(made)
        part.rename(part.with_suffix(""))
        db.session.rollback()  # hold on to nothing, and let the log of a SQLite file be worked in
        yield ""
