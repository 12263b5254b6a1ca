"""Take a picture of every page in every form, and say which changed since the last set.

    python -m tests.screenshots [WORD ...]

The demo company is loaded anew on a fixed day, and every page that links lead to is looked at once, for an owner and
for a customer's person: wide, half a desk, phone, dark and printed; each form that is sent with nothing in it, as it is
refused; a portal in which there is nothing yet; and pages that are not there. With words, only pages whose name holds
one of them. Pictures go to screenshots/, which git ignores; those of the set before stay beside the changed ones as
NAME.before.png. A page that tells the time of day is another each time.
"""

import logging
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from playwright.sync_api import TimeoutError as TookTooLong
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from portal.extensions import db
from portal.models.user import User
from portal.services import demo
from portal.services.people.people import DEMO_CUSTOMER_EMAIL, DEMO_EMAIL
from tests import world
from tests.browser_fixtures import ARGUMENTS, CHROMIUM, LiveServer

OUT = Path(__file__).parent.parent / "screenshots"
BEFORE = ".before.png"
TODAY = date(2026, 11, 26)
WIDE, HALF, PHONE, SHEET = (
    ViewportSize(width=width, height=height)
    for width, height in ((1440, 900), (768, 1024), (390, 844), (794, 1123))
)
FORMS: dict[str, tuple[ViewportSize, Literal["light", "dark"], Literal["screen", "print"]]] = {
    "wide": (WIDE, "light", "screen"),
    "768": (HALF, "light", "screen"),
    "phone": (PHONE, "light", "screen"),
    "dark": (WIDE, "dark", "screen"),
    "printed": (SHEET, "light", "print"),
}
# Whoever takes pictures may have other work going on: milliseconds for each step, and how often a page is tried.
PATIENCE, TRIES = 45_000, 8
# Where somebody begins, and what is not there.
BEGINS = {DEMO_EMAIL: ("/", "/styleguide", "/search?q=red"), DEMO_CUSTOMER_EMAIL: ("/my",), "": ("/login",)}
NOWHERE = "/nowhere"
NEVER = re.compile(r"^/(logout|static/)|\.(csv|xlsx|pdf|png)\b")
LINK = re.compile(r'href="(/[^"#]*)')
# A form is sent as it stands; the browser holds nothing back, so the portal says what is wrong.
SEND = "form => { form.noValidate = true; form.requestSubmit(); }"


def main(words: list[str]) -> int:
    """Take the pictures; 1 where there is no Chromium."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if not CHROMIUM:
        print("There is no Chromium here.")
        return 1
    OUT.mkdir(exist_ok=True)
    for old in OUT.glob(f"*{BEFORE}"):
        old.unlink()
    before = {path.name: path.read_bytes() for path in OUT.glob("*.png")}
    taken = set()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for is_empty in (False, True):
            for name in _portal(Path(folder), browser, is_empty, words):
                taken.add(f"{name}.png")
                print(f"\r{name:<70}", end="", flush=True)
        browser.close()
    print("\r" + " " * 70 + "\r", end="")
    _tell(before, taken, is_all=not words)
    return 0


def _portal(folder: Path, browser: Browser, is_empty: bool, words: list[str]) -> Iterator[str]:
    """Every picture of a portal: the demo company's, or one of which nothing is known but its owner."""
    database = world.Sqlite(world.new_folder(folder, "screenshots"))
    app = database.app
    app.config["TODAY"] = TODAY.isoformat()
    if not is_empty:
        with app.app_context():
            demo.load(TODAY)
    server = LiveServer(app)
    for email, begins in BEGINS.items():
        if is_empty and email != DEMO_EMAIL:
            continue
        pages = _pages(app, email, begins)
        who = {DEMO_EMAIL: "", DEMO_CUSTOMER_EMAIL: "customer-"}.get(email, "nobody-")
        pages = {f"{'empty-' if is_empty else who}{name}": path for name, path in pages.items()}
        pages = {
            name: path for name, path in pages.items() if not words or any(word in name for word in words)
        }
        context = browser.new_context(base_url=server.url, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        if email:
            context.add_cookies([_cookie(app, email, server.url)])
        for name, path in pages.items():
            yield from _patiently(context, path, lambda page, name=name: _in_forms(page, name, FORMS))
        # What stands in some forms is right as it stands: what is sent comes last, as other pages may show it.
        for name, path in pages.items():
            yield from _patiently(context, path, lambda page, name=name: _refused(page, name))
        context.close()
    server.stop()
    database.close()


def _patiently(context: BrowserContext, path: str, take: Callable[[Page], Iterator[str]]) -> Iterator[str]:
    """A page's pictures. Where the browser comes to a halt over one, as it does over long pages, it is opened anew."""
    taken: set[str] = set()
    for left in reversed(range(TRIES)):
        page = context.new_page()
        try:
            page.goto(path, wait_until="networkidle")
            for name in take(page):
                if name not in taken:
                    page.screenshot(path=OUT / f"{name}.png", full_page=True)
                    taken.add(name)
                    yield name
            return
        except TookTooLong:
            if not left:
                raise
        finally:
            page.close()


def _in_forms(page: Page, name: str, forms: Iterable[str]) -> Iterator[str]:
    """The names of its pictures, each when it is to be taken: as a window, a theme and a sheet change what is open."""
    for form in forms:
        viewport, colours, media = FORMS[form]
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=colours, media=media)
        if (colours, media) != ("light", "screen"):  # Chromium keeps colours that are inherited as they were
            page.reload(wait_until="networkidle")
        yield f"{name}-{form}"


def _refused(page: Page, name: str) -> Iterator[str]:
    """The page's own form, sent with nothing more in it, where it was refused."""
    form = page.locator("main form.form[method=post]").first
    if not form.count():
        return
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        form.evaluate(SEND)
    page.wait_for_load_state("networkidle")
    if answered.value.status in (409, 422):
        yield from _in_forms(page, f"{name}-error", ("wide", "phone"))


def _pages(app: Flask, email: str, begins: tuple[str, ...]) -> dict[str, str]:
    """By their views, the first address of every page that links lead to."""
    client = app.test_client()
    if email:
        _sign_in(app, client, email)
    found = {"nowhere": NOWHERE}
    waiting, seen = list(begins), set()
    routes = app.url_map.bind("localhost")
    while waiting:
        path = waiting.pop(0).replace("&amp;", "&")
        try:
            view = routes.match(path.partition("?")[0], "GET")[0]
        except HTTPException:  # a form's address, which only takes what is sent
            continue
        if view in seen or NEVER.search(path):
            continue
        seen.add(view)
        answer = client.get(path)
        if "html" not in answer.content_type or "<html" not in answer.text or answer.location:
            continue
        found[re.sub(r"\W+", "-", view)] = path
        waiting += LINK.findall(answer.text)
    return found


def _sign_in(app: Flask, client: FlaskClient, email: str) -> None:
    with app.app_context():
        cookie = world.cookie_of(db.session.scalars(select(User).where(User.email == email)).one())
        db.session.commit()
    with client.session_transaction() as session:
        session.update(cookie, _fresh=True, fs_paa=world.time.time())


def _cookie(app: Flask, email: str, url: str) -> Any:
    client = app.test_client()
    _sign_in(app, client, email)
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return {"name": cookie.key, "value": cookie.value, "url": url}


def _tell(before: dict[str, bytes], taken: set[str], *, is_all: bool) -> None:
    """Which pictures are new, changed or gone; those that are gone are taken away."""
    changed = sorted(name for name in taken & before.keys() if (OUT / name).read_bytes() != before[name])
    for name in changed:
        (OUT / name.replace(".png", BEFORE)).write_bytes(before[name])
    gone = sorted(before.keys() - taken) if is_all else []
    for name in gone:
        (OUT / name).unlink()
    new = sorted(taken - before.keys())
    print(f"{len(taken)} pictures in {OUT.name}/: {len(new)} new, {len(changed)} changed, {len(gone)} gone.")
    for word, names in (("changed", changed), ("gone", gone), ("new", new if before else [])):
        for name in names:
            print(f"  {word:<8} {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
