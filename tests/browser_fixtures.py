"""A real Chromium, driven by Playwright, against a server in a thread. Skipped where there is none.

`http://localhost`, not 127.0.0.1: passkeys want a name.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, has_app_context
from werkzeug.serving import make_server

from portal.extensions import db
from tests import world

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = (
    os.environ.get("PORTAL_CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 15_000  # milliseconds: a machine may be busy with other things


class LiveServer:
    """The application, answering on a port of its own."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.answers = Answers(app)
        self.server = make_server("localhost", 0, self.answers, threaded=True)
        self.url = f"http://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Answer nobody any more, once every answer that was begun is whole."""
        self.answers.end()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Answers:
    """The application's answers, made whole before they are sent: nothing stays open behind a browser that has gone.

    A browser that is closed leaves requests behind whose threads are still at work: with the test's database, which
    the next test wants. So the end waits for them, and lets nobody in any more.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.at_work = 0
        self.ended = False
        self.changed = threading.Condition()

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        """Answer one request."""
        with self.changed:
            if self.ended:
                start_response("503 Service Unavailable", [])
                return []
            self.at_work += 1
        try:
            parts = self.app(environ, start_response)
            try:
                return [b"".join(parts)]
            finally:
                getattr(parts, "close", bool)()
        finally:
            with self.changed:
                self.at_work -= 1
                self.changed.notify_all()

    def end(self) -> None:
        """Wait until nobody is at work, a minute at most."""
        with self.changed:
            self.ended = True
            self.changed.wait_for(lambda: not self.at_work, timeout=60)


@pytest.fixture
def live_server(app: Flask) -> Iterator[LiveServer]:
    """The application, served. Commit what a test has set up before the browser asks."""
    server = LiveServer(app)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """One Chromium for the session."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def screen(browser: "Browser", live_server: LiveServer) -> Iterator[Any]:
    """Open a page as one of the staff: `screen()` for the owner, `screen(None)` for nobody.

    Whatever Playwright's `new_context` takes (`java_script_enabled=False`, `color_scheme="dark"`)
    may be given. A page that breaks the content security policy, or whose script fails, fails the
    test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def complain(message: Any) -> None:
        if message.type == "error" and "the server responded with a status of" not in message.text:
            complaints.append(message.text)

    def open_page(role: str | None = "owner", **options: Any) -> "Page":
        if has_app_context():
            db.session.commit()  # what the test has looked at since it committed would keep SQLite's writers out
        context = browser.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        if role:
            context.add_cookies([cookie_of(live_server, role)])
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    found = list(
        complaints
    )  # what a page says while it is being closed, its requests cut off, is no complaint
    for context in contexts:
        context.close()
    assert not found, found


@pytest.fixture
def page(screen: Any) -> "Page":
    """A page in which the owner is signed in."""
    opened: Page = screen()
    return opened


def cookie_of(live_server: LiveServer, role: str) -> Any:
    """The cookie of somebody who has signed in."""
    client = world.signed_in(live_server.app, role)
    cookie = client.get_cookie(live_server.app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return {"name": cookie.key, "value": cookie.value, "url": live_server.url}
