"""Send what waits in the outbox: fit for cron, beside the portal that does so after each change."""

import click

from portal.commands import with_app


@click.group()
def command() -> None:
    """Send the messages waiting in the outbox."""


@command.command()
@with_app()
def send() -> None:
    """Send every message that is due, and say how many left.

    Safe to run at any time and twice at once. Exit status 1 where one could not be sent: it is tried
    again later, and the message keeps the reason.
    """
    from portal.clock import now
    from portal.services.mail import outbox as mail

    sent, not_sent = mail.send_waiting(now())
    while sent and mail.due_ids(now()):
        more, failed = mail.send_waiting(now())
        sent, not_sent = sent + more, not_sent + failed
        if not more:
            break
    click.echo(f"{sent} sent.")
    if not_sent:
        raise click.ClickException(f"{not_sent} could not be sent and will be tried again: see the mail log.")
