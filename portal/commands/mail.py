"""Send what waits in the outbox: fit for cron, beside the portal that does so after each change."""

import click

from portal.commands import with_app
from portal.exit_status import NOT_ALL, Failed


@click.group()
def command() -> None:
    """Send the messages waiting in the outbox."""


@command.command()
@with_app()
def send() -> None:
    """Send every message that is due, and say how many left.

    Safe to run at any time and twice at once. Exit status 3 where one could not be sent: it is tried
    again later, and the message keeps the reason.
    """
    from portal.clock import now
    from portal.services.mail import outbox as mail
    from portal.services.mail.unsent import why_not_sent

    sent, not_sent = mail.send_all(now)
    click.echo(f"{sent} sent.")
    if not_sent:
        raise Failed(why_not_sent() or f"{not_sent} could not be sent, and will not be tried again.", NOT_ALL)
