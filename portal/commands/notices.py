"""Announce charges to come, as many days before as the setting says: fit for cron."""

import click

from portal.commands import with_app
from portal.exit_status import NOT_ALL, Failed


@click.command()
@with_app()
def command() -> None:
    """Make the notices of charges to come, and send them.

    Each charge date of an assignment is announced once, however often this is started. A customer gets one message a
    day, which lists them. Exit status 3 while a message waits that could not be sent.

    \b
    Every morning:  0 7 * * *  portal notices
    """
    from portal.clock import now, today
    from portal.services import notices
    from portal.services.mail import outbox as mail
    from portal.services.mail.unsent import why_not_sent

    made = notices.announce_all(today(), now)
    sent, not_sent = mail.send_waiting(now())
    click.echo(f"{made} announced; {sent} messages sent, {not_sent} could not be sent yet.")
    if waiting := mail.count_waiting():
        click.echo(f"{waiting} still waiting in the outbox: `portal mail send` sends them when they are due.")
    if why := why_not_sent():
        raise Failed(why, NOT_ALL)
