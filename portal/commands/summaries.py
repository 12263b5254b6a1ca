"""Send the charge summaries of a month by mail, each once a customer and month."""

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from portal.commands import CALLED, with_app
from portal.domain.wording import long_month, plural
from portal.exit_status import NOT_ALL, Failed

if TYPE_CHECKING:
    from portal.models import Customer

BY = "portal summaries"


class _Month(click.ParamType[date]):
    """A month: 2026-10."""

    name = "yyyy-mm"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        from portal.services.summary.month_end import month_or_none

        if (month := month_or_none(value)) is None:
            self.fail(f"{value} is not a month. Write it like 2026-10.", param, ctx)
        return month


@click.group()
def command() -> None:
    """Send the charge summaries of a month by mail."""


@command.command()
@click.option("--month", required=True, type=_Month(), help="The month, which has to be over: 2026-10.")
@click.option("--again", is_flag=True, help="Also if it was sent before; name the customer.")
@click.argument("who", metavar="[CUSTOMER]", required=False)
@with_app()
def send(month: date, again: bool, who: str | None) -> None:
    """Send the summary of a month to CUSTOMER (an account code, a name, or #12), or to everyone who has not had it.

    Sent to nobody twice, however often this is started, unless --again is said. Who has no address is named. Exit
    status 3 where one could not be sent.

    \b
    portal summaries send --month 2026-10
    portal summaries send --month 2026-10 "Northwind Telecom" --again
    """
    from portal.commands.charge import customer_called
    from portal.extensions import db
    from portal.services.summary import month_end

    customer = customer_called(who)
    if again and customer is None:
        raise click.UsageError(f"--again is for one customer: {CALLED}.")
    count = _asked_for_one(customer, month, again) if customer else _asked_for_all(month)
    db.session.commit()
    if count and not month_end.is_posted(month):
        click.echo(
            f"{long_month(month)} is not posted yet: what is sent now may lack charges of the month.",
            err=True,
        )
    click.echo(f"{plural(count, 'summary', 'summaries')} of {long_month(month)} to send.")
    _carry_out()


def _asked_for_one(customer: "Customer", month: date, again: bool) -> int:
    from portal.clock import now, today
    from portal.services.summary import sending

    number = sending.last_number(customer.id, month) + 1 if again else 1
    sent = sending.send_to_one(customer, month, number, today=today(), by=BY, now=now())
    if not sent:
        click.echo(f"{customer.name} has had it: --again sends it again.")
    return int(sent)


def _asked_for_all(month: date) -> int:
    from portal.clock import now, today
    from portal.extensions import db
    from portal.models import Customer
    from portal.services.summary import month_end, sending

    month_end.check_month(month, today())
    ids = month_end.ids_of(month_end.find(month))
    found = sending.sort_out(month, ids)
    for id in found.by_standing.get(month_end.Standing.NO_ADDRESS, ()):
        click.echo(f"No e-mail address: {db.session.get_one(Customer, id).name} (#{id}).", err=True)
    return len(sending.send(month, found.to_send, today=today(), by=BY, now=now()))


@command.command()
@with_app()
def monthly() -> None:
    """Send the month that ended last to those who get it each month by itself, once everything of it is posted.

    Fit for cron beside a portal without workers: it may be started every day.

    \b
    Every morning:  5 7 * * *  /usr/local/bin/portal summaries monthly
    """
    from portal.clock import now, today
    from portal.extensions import db
    from portal.services.summary import month_end, sending

    month = month_end.last_month(today())
    if not month_end.is_posted(month):
        click.echo(f"{long_month(month)} is not posted yet: nothing is sent before a run for all customers.")
        return
    count = len(sending.send_by_themselves(today(), now()))
    db.session.commit()
    click.echo(f"{plural(count, 'summary', 'summaries')} of {long_month(month)} to send.")
    _carry_out()


@command.command()
@with_app()
def write() -> None:
    """Write and send the summaries that were asked for on a page and wait."""
    _carry_out()


def _carry_out() -> None:
    """Write what waits, and send what is due."""
    from portal.clock import now, today
    from portal.services.mail import outbox as mail
    from portal.services.mail.unsent import why_not_sent
    from portal.services.summary import sending

    written, refused = sending.carry_out(today(), now)
    sent, _not_sent = mail.send_all(now)
    click.echo(f"{plural(written, 'summary', 'summaries')} written; {plural(sent, 'message')} sent.")
    said = [*refused, *filter(None, [why_not_sent()])]
    if said:
        raise Failed("\n".join(said), NOT_ALL)
