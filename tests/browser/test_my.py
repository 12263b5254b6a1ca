"""A customer in a real browser: they sign in, read and print, and find nothing of anybody else.

And a viewer of the staff, who sees no button that would refuse them.
"""

from datetime import date
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from portal.models import Assignment
from portal.models.user import CUSTOMER_OWNER
from portal.services.people import people
from tests import role_stage, role_table
from tests.browser_fixtures import CHROMIUM, PATIENCE, LiveServer
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run
from tests.world import PASSWORD

pytestmark = pytest.mark.browser

NOVEMBER = date(2026, 11, 1)


@pytest.fixture
def customers(app, session, monkeypatch):
    """Acme and Globex, each with a package on a DID, charged; Ann is Acme's owner. It is a Sunday in November."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    found = []
    for name, number in (("Acme", "+442079460101"), ("Globex", "+442079460102")):
        customer = a_customer(name, tax_rate="20")
        line = a_package(f"{name} line", "24.50", cost="11.11", minimum_days=60)
        assigned(line, customer, NOVEMBER, did=a_did(customer, number))
        found.append(customer)
    run(TODAY)
    people.create("ann@acme.example", "Ann", PASSWORD, CUSTOMER_OWNER, found[0].id)
    session.commit()
    return found


def sign_in(page):
    page.goto("/")
    page.get_by_label("E-mail").fill("ann@acme.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_a_customer_signs_in_reads_and_prints(screen, customers, script):
    page = screen(None, java_script_enabled=script)
    sign_in(page)
    main = page.locator("main")
    expect(main).to_contain_text("Acme line")
    expect(main).to_contain_text("minimum term until 30 Dec 2026")
    assert urlsplit(page.url).path == "/my"
    for place in ("Charges", "Numbers", "People", "Summary"):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=place).click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for never in ("Globex", "11.11", "argin"):
            expect(page.locator("body")).not_to_contain_text(never)
    page.goto("/my/summary?from=2026-11-01&to=2026-11-30")
    total = page.locator("section:has(#charges-GBP) .total td").inner_text()
    assert total == "29.40"
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download PDF").click()
    assert downloading.value.suggested_filename == "charge-summary_2026-11-01_2026-11-30.pdf"
    for paper in (PdfReader(downloading.value.path()), PdfReader(BytesIO(page.pdf(format="A4")))):
        text = " ".join(" ".join(sheet.extract_text().split()) for sheet in paper.pages)
        assert "Acme line" in text and f"Total, GBP {total}" in text
        assert "Globex" not in text and "11.11" not in text


def test_nothing_of_another_customer_is_found_by_its_address(screen, customers, session):
    acme, globex = customers
    page = screen(None)
    sign_in(page)
    expect(page.locator("main")).to_contain_text("Acme line")
    assignment = session.scalars(select(Assignment.id).where(Assignment.customer_id == globex.id)).one()
    for path in (
        f"/customers/{globex.id}",
        f"/customers/{acme.id}",
        f"/customers/{globex.id}/as-customer",
        f"/customers/{globex.id}/summary",
        f"/customers/{globex.id}/summary.pdf",
        f"/assignments/{assignment}",
        "/charges",
        "/settings",
    ):
        answer = page.goto(path)
        assert answer.status == 404, path
        expect(page.locator("body")).not_to_contain_text("Globex")
    page.goto("/my")
    expect(page.locator("main")).to_contain_text("Acme line")


# -- a viewer

# Everything on a page that sends something, and everything that leads to where something is sent from.
SENDS = """() => [
  ...[...document.querySelectorAll("form[method=post i]")].flatMap((form) =>
    [form.action, ...[...form.elements].filter((one) => one.formAction && one.hasAttribute("formaction"))
      .map((one) => one.formAction)]),
  ...[...document.querySelectorAll("[hx-post]")].map((one) => new URL(one.getAttribute("hx-post"), location).href),
].map((url) => ["POST", url])"""
LEADS = """() => [...document.querySelectorAll("a[href]:not([href^='#']), [hx-get]")].map((one) =>
  ["GET", new URL(one.getAttribute("href") || one.getAttribute("hx-get"), location).href])"""


@pytest.fixture(scope="module")
def stage(folder):
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    made = role_stage.make(folder, "viewer")
    yield made
    made.close()


def test_a_viewer_sees_no_button_and_no_link_that_would_refuse_them(stage, browser):
    """On every page that a viewer may see, everything that can be pressed is theirs by the table of roles."""
    rows, routes = role_table.rows(), role_stage.routes(stage.app)
    viewer = role_table.ROLES.index("viewer")
    let_in = {name for name, block in rows.items() if role_table.ANSWERS[block][viewer] == role_table.YES}
    served = LiveServer(stage.app)
    context = browser.new_context(base_url=served.url)
    context.set_default_timeout(PATIENCE)
    cookie = role_stage.browser(stage, "viewer").get_cookie(stage.app.config["SESSION_COOKIE_NAME"])
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": served.url}])
    page, refused, seen = context.new_page(), [], 0
    binder = stage.app.url_map.bind("localhost")
    try:
        for name in sorted(let_in):
            if not name.startswith("GET ") or name.split()[1].partition(".")[0] == "security":
                continue
            for rule in routes[name]:
                path = role_stage.address(stage.app, name, rule, stage.things["acme"])
                answer = stage_answer(stage, path)
                if answer.mimetype != "text/html" or "<html" not in answer.text:
                    continue
                page.goto(path)
                seen += 1
                for method, url in page.evaluate(SENDS) + page.evaluate(LEADS):
                    there = urlsplit(url)
                    if there.netloc != urlsplit(served.url).netloc:
                        continue
                    if not may(binder, method, there.path, let_in):
                        refused.append(f"{path}: {method} {there.path}")
    finally:
        context.close()
        served.stop()
    assert not refused, "\n".join(refused)
    assert seen > 30


def may(binder, method, path, let_in):
    """Whether there is such an address, and a viewer may ask for it."""
    try:
        endpoint, _ = binder.match(path, method)
    except HTTPException:
        return False
    return f"{method} {endpoint}" in let_in


def stage_answer(stage, path):
    """What the page is, asked without a browser."""
    return role_stage.browser(stage, "viewer").get(path)
