"""A real mail server on this machine, and what it has received."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from flask import Flask


class Letterbox:
    """Takes every message; refuses those to an address that begins with `nobody`, breaks off at one with `poison`."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        # From which address to which, as the server was told them.
        self.envelopes: list[tuple[str, str]] = []
        self.busy = False
        # Seconds between having a message and saying so.
        self.pause = 0.0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.busy:
            return "451 Come back later"
        if address.startswith("nobody"):
            return "550 There is nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if b"poison" in envelope.content:
            session.loop.call_soon(server.transport.abort)
            return "421 Good-bye"
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos[0]))
        self.messages.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        await asyncio.sleep(self.pause)
        return "250 OK"


class AnyPort(Controller):
    """A controller that takes whichever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(app: Flask, *, smtputf8: bool = False) -> Iterator[Letterbox]:
    """A mail server that `app` sends by, as long as it lasts; most do not offer SMTPUTF8."""
    letterbox = Letterbox()
    controller = AnyPort(letterbox, hostname="127.0.0.1", port=0, enable_SMTPUTF8=smtputf8)
    controller.start()
    before = {name: app.config[name] for name in ("SMTP_HOST", "SMTP_PORT", "SMTP_TLS")}
    app.config.update(SMTP_HOST="127.0.0.1", SMTP_PORT=controller.port, SMTP_TLS="none")
    try:
        yield letterbox
    finally:
        app.config.update(before)
        controller.stop()
