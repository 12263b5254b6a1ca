"""What a browser is shown first of the demo company: how high it is, what came for it, and that it stands still."""

from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from portal.services import demo
from tests import world
from tests.browser.test_fonts import GIVE_INTER, SET
from tests.browser.test_lists_fit import INTER
from tests.browser_fixtures import CHROMIUM, PATIENCE, LiveServer, cookie_of

pytestmark = pytest.mark.browser

TODAY = date(2026, 11, 26)
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAGES = """/ /packages /packages/1 /customers /customers/1 /dids /runs /owed /settings /charges
    /charges/upcoming /payments /settings/audit /calls""".split()
ON_A_PHONE = ("/", "/settings", "/packages/new", "/customers", "/owed", "/runs")
HEADED = "/ /packages /packages/1 /customers /dids /dids/1 /charges /charges/1 /charges/upcoming /runs /owed".split()
HEIGHT = "document.documentElement.scrollHeight"
SHIFTS = """() => new Promise((done) => {
  const found = [];
  new PerformanceObserver((list) => found.push(...list.getEntries())).observe({type: "layout-shift", buffered: true});
  // Below .1 counts as good; an icon that is painted before its neighbour is there moves by .001.
  requestAnimationFrame(() => setTimeout(() => done(found.filter((e) => e.value > .002).map((e) =>
    `${e.value.toFixed(3)} ${e.sources.map((s) => s.node?.outerHTML?.slice(0, 80)).join(", ")}`)), 100));
})"""
# Where the first line of the head stands, from the top of the page's content: its h1 and what can be done.
HEADS = """() => {
  const top = (e) => Math.round(e.getBoundingClientRect().top + scrollY);
  const acts = [...document.querySelectorAll(".head > .actions .button")].filter((e) => e.checkVisibility());
  return {h1: top(document.querySelector("h1")), crumbs: !!document.querySelector(".head .crumbs"),
          acts: [...new Set(acts.map(top))]};
}"""


@pytest.fixture(scope="module")
def lumen(folder) -> Iterator[LiveServer]:
    """The demo company, served."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    database = world.Sqlite(world.new_folder(folder, "first view"))
    database.app.config["TODAY"] = TODAY.isoformat()
    with database.app.app_context():
        demo.load(TODAY)
    server = LiveServer(database.app)
    yield server
    server.stop()
    database.close()


@pytest.fixture
def look(browser, lumen) -> Iterator[Any]:
    """A page in which an owner is signed in, in a window of a size."""
    contexts = []

    def open_page(viewport, **options):
        context = browser.new_context(base_url=lumen.url, viewport=viewport, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        context.add_cookies([cookie_of(lumen, "owner")])
        page = context.new_page()
        page.goto("/")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("viewport", "most"), [(WIDE, 1350), (PHONE, 2400)], ids=["wide", "phone"])
def test_the_overview_is_as_high_as_two_looks_at_a_desk_and_three_on_a_phone(look, viewport, most):
    page = look(viewport)
    assert page.evaluate(HEIGHT) <= most
    assert page.locator(".todo").first.locator("> li").count() <= 7
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_what_the_overview_lets_one_touch_is_44_points_high(look):
    small = look(PHONE).evaluate("""() => [...document.querySelectorAll("main :is(a, button, summary)")]
      .filter((e) => e.checkVisibility({contentVisibilityAuto: true}) && !e.closest("p, small, .visually-hidden, dd"))
      .filter((e) => e.getBoundingClientRect().height < 43.9)
      .map((e) => `${e.outerHTML.slice(0, 90)}: ${e.getBoundingClientRect().height}`)""")
    assert not small, "\n".join(small)


@pytest.mark.parametrize(("viewport", "paths"), [(WIDE, PAGES), (PHONE, ON_A_PHONE)], ids=["wide", "phone"])
def test_a_first_view_stands_still_and_comes_in_under_60_kb(look, viewport, paths):
    page, moved, heavy = look(viewport), {}, {}
    for path in paths:
        first = page.context.new_page()
        arrived: list[Any] = []
        first.on("requestfinished", lambda request, into=arrived: into.append(request))
        first.goto(path, wait_until="networkidle")
        if shifts := first.evaluate(SHIFTS):
            moved[path] = shifts
        heavy[path] = sum(request.sizes()["responseBodySize"] for request in arrived)
        first.close()
    assert not moved, "\n".join(f"{path}: {shifts}" for path, shifts in moved.items())
    assert max(heavy.values()) < 60_000, heavy


# Lists of a customer or a package: each is a screen on a desk, and two or three on a phone.
SCREENS = """/customers/1/credit /customers/1/credit?part=payments /customers/1/calls /customers/1/history
    /customers/1/charges /packages/1""".split()


@pytest.mark.parametrize(("viewport", "most"), [(WIDE, 1300), (PHONE, 2600)], ids=["wide", "phone"])
def test_a_list_on_the_page_of_a_customer_or_a_package_is_no_longer_than_it_may_be(look, viewport, most):
    page, heights = look(viewport), {}
    for path in SCREENS:
        page.goto(path)
        heights[path] = page.evaluate(HEIGHT)
    assert max(heights.values()) <= most, heights


@pytest.mark.parametrize(("viewport", "most"), [(WIDE, 220), (PHONE, 330)], ids=["wide", "phone"])
def test_what_is_to_come_begins_early_though_something_is_held(look, viewport, most):
    page = look(viewport)
    page.goto("/charges/upcoming")
    page.evaluate(GIVE_INTER, INTER)
    page.evaluate(SET, "Inter")
    told = page.locator(".exceptions")
    assert "1 held" in told.inner_text()
    assert page.locator(".rows tbody tr").first.bounding_box()["y"] <= most
    told.click()
    assert page.get_by_role("link", name="Choose").is_visible()


def test_fifty_charges_are_printed_on_two_pages(look):
    page = look(WIDE)
    page.goto("/charges")
    assert page.locator(".rows tbody tr").count() == 50
    assert len(PdfReader(BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages) == 2


def test_there_are_two_heads_the_h1_on_top_or_under_crumbs_and_what_can_be_done_on_its_line(look):
    page, wrong = look(WIDE), {}
    for path in HEADED:
        page.goto(path)
        found = page.evaluate(HEADS)
        top = 48 if found["crumbs"] else 28
        if found["h1"] != top or found["acts"] not in ([], [top]):
            wrong[path] = found
    assert not wrong, wrong
