"""What carries messages away: a mail server, or, in the demo, the log."""

import logging
import smtplib
import ssl
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from types import TracebackType
from typing import Any

from portal.config import DEMO, STARTTLS, TLS

PATIENCE = 20  # seconds for each word of the mail server

log = logging.getLogger("portal.mail")


class NotSent(Exception):
    """A message did not leave.

    `permanent`: no later try would help. `keeps_tries`: nothing about the message is wrong, but a setting,
    and it waits until that is another.
    `server_down`: no other message would leave just now either.
    """

    def __init__(
        self, sentence: str, *, permanent: bool = False, keeps_tries: bool = False, server_down: bool = False
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.keeps_tries = keeps_tries
        self.server_down = server_down


class Transport:
    """Carries messages, one after the other, within one `with`."""

    def send(self, message: EmailMessage, *, secret: bool) -> None:
        """Hand a message over. NotSent where that is not possible."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what was needed."""

    def __enter__(self) -> "Transport":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Log(Transport):
    """In the demo, which answers its own machine only: messages are for whoever reads the log, links to sign in too."""

    def send(self, message: EmailMessage, *, secret: bool) -> None:
        """Write it down."""
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        log.warning("Mail to %s: %s\n\n%s", message["To"], message["Subject"], text)


class Nobody(Transport):
    """In production without a mail server: all messages wait until there is one. A log is nobody's letterbox."""

    def send(self, message: EmailMessage, *, secret: bool) -> None:
        """Leave it where it is."""
        raise NotSent(
            "No mail server is configured: set PORTAL_SMTP_HOST.", keeps_tries=True, server_down=True
        )


class Server(Transport):
    """A mail server, spoken to by SMTP over one connection."""

    def __init__(self, host: str, port: int, tls: str, user: str, password: str) -> None:
        self.host, self.port, self.tls, self.user, self.password = host, port, tls, user, password
        self.connection: smtplib.SMTP | None = None
        # How often in a row it broke off: once may be a message's fault, twice is the server's.
        self.lost = 0

    def send(self, message: EmailMessage, *, secret: bool) -> None:
        """Hand it to the mail server."""
        connection = self._open()
        (sender,), (recipient,) = message["From"].addresses, message["To"].addresses
        try:
            connection.send_message(message, sender.addr_spec, [recipient.addr_spec])
            self.lost = 0
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            raise NotSent(f"The mail server refused it: {_words(reason)}", permanent=code >= 500) from error
        except smtplib.SMTPResponseException as error:
            self.close()
            raise NotSent(f"The mail server refused it: {_words(error.smtp_error)}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise _not_offered(sender, recipient) from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            self.lost += 1
            said = f"The mail server {self.host}:{self.port} broke off: {error}"
            raise NotSent(said, server_down=self.lost > 1) from error

    def _open(self) -> smtplib.SMTP:
        """The connection, made where there is none. NotSent where there can be none."""
        try:
            self.connection = self.connection or self._connect()
        except (OSError, ValueError, smtplib.SMTPException) as error:
            said = f"The mail server {self.host}:{self.port} could not be reached: {error}"
            raise NotSent(said, server_down=True) from error
        return self.connection

    def _connect(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        connection: smtplib.SMTP
        if self.tls == TLS:
            connection = smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=trusted)
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
        try:
            if self.tls == STARTTLS:
                connection.starttls(context=trusted)
            if self.user:
                connection.login(self.user, self.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Say good-bye."""
        if self.connection is not None:
            try:
                self.connection.quit()
            except (OSError, smtplib.SMTPException):
                self.connection.close()
            self.connection = None


def transport(config: Mapping[str, Any]) -> Transport:
    """The one that the settings ask for."""
    if not config["SMTP_HOST"]:
        return Log() if config["MODE"] == DEMO else Nobody()
    return Server(
        config["SMTP_HOST"],
        config["SMTP_PORT"],
        config["SMTP_TLS"],
        config["SMTP_USER"],
        config["SMTP_PASSWORD"],
    )


def _not_offered(sender: Address, recipient: Address) -> NotSent:
    """Why a server that takes no letters beyond ASCII before the @ does not get a message.

    Where they are the sender's it is not the message's fault: it waits for another sender.
    """
    said = "The mail server takes only ASCII letters before the @"
    if not sender.addr_spec.isascii():
        another = "write another e-mail of the company in Settings, or set PORTAL_MAIL_FROM"
        return NotSent(f"{said}, not {sender.addr_spec}: {another}.", keeps_tries=True)
    return NotSent(f"{said}, not {recipient.addr_spec}.", permanent=True)


def _words(reason: Any) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return " ".join(text.split())
