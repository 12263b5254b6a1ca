"""Every list begins early and shows many rows, on a desk and on a phone; there the whole row is one target.

The numbers are points of the boxes that Chromium draws, in Inter: it is near to what most systems have.
"""

import base64
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from portal.extensions import db
from portal.services import portfolio
from tests import world
from tests.browser.test_fonts import GIVE_INTER, SET, SHIPPED
from tests.browser_fixtures import CHROMIUM, PATIENCE, LiveServer

pytestmark = pytest.mark.browser

SINCE = date(2026, 11, 1)
LIVED = date(2026, 11, 24)
RUNS = ("/runs/1",)
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
INTER = {
    weights: base64.b64encode((SHIPPED / name).read_bytes()).decode()
    for weights, name in (("100 500", "Inter-Regular.ttf"), ("501 900", "Inter-SemiBold.ttf"))
}

# Those below have sums, or a way back, above them.
LISTS = "/packages /customers /dids /runs".split()
WITH_SUMS = """/charges /owed /margins?from=2026-11-01&to=2026-11-23 /payments /summaries
    /settings/audit""".split()
BUDGETS = {"/charges": 3800, "/customers": 3800, "/charges/upcoming": 3000}
WIDTHS = (920, 1000, 1160, 1280, 1440, 1600)

ROWS = """() => {
  const rows = [...document.querySelectorAll(".rows > tbody > tr")].filter((row) => row.checkVisibility());
  const boxes = rows.map((row) => row.getBoundingClientRect());
  return {
    first: boxes[0]?.top ?? null,
    shown: boxes.filter((box) => box.bottom <= innerHeight).length,
    all: boxes.length,
    heights: boxes.map((box) => Math.round(box.height)),
    page: document.documentElement.scrollHeight,
  };
}"""
# Of each list: what sticks out of its cell, and which columns are hidden that no second line of a row tells.
COLUMNS = """() => [...document.querySelectorAll(".rows")].flatMap((list) => {
  const shown = (e) => e.checkVisibility();
  const out = [...list.querySelectorAll("th, td")].filter((e) => shown(e) && e.scrollWidth > e.clientWidth + 1)
    .map((e) => `${e.textContent.trim().replace(/\\s+/g, " ").slice(0, 40)} sticks out`);
  const heads = [...list.querySelectorAll("thead th")];
  const one = (place) => [...list.querySelectorAll("tbody tr")].map((row) => row.children[place])
    .filter((e) => e && e.textContent.trim() && !e.closest(".day-head"));
  const lost = innerWidth >= 1400 ? [] : heads.filter((head, place) => !shown(head) && one(place).some((cell) =>
    ![...cell.parentElement.querySelectorAll(".then > span")].some((e) => shown(e) &&
      e.textContent.includes(cell.textContent.trim().split(/\\s+/)[0])))).map((head) => `${head.textContent} is lost`);
  const extra = heads.filter(shown).reduce((sum, e) => sum + e.getBoundingClientRect().width, 0);
  return [...new Set([...out, ...lost])].slice(0, 5).concat(
    Math.abs(extra - list.getBoundingClientRect().width) > 2 ? ["there is a column without a head"] : []);
})"""
# What can be touched and is less than 44 points high. A row's link is as large as its row, a tick as its label; what
# cannot be touched lies under the row's link.
SMALL = """() => [...document.querySelectorAll("main :is(a, button, input:not([type=hidden]), select, summary)")]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".visually-hidden, p, .field__help"))
  .filter((e) => getComputedStyle(e).pointerEvents !== "none")
  .map((e) => [e, e.matches(".rows tbody a") && getComputedStyle(e, "::after").position === "absolute" ? e.closest("tr")
    : e.closest("label") ?? e])
  .filter(([, box]) => box.getBoundingClientRect().height < 43.9)
  .map(([e, box]) => `${e.outerHTML.replace(/\\s+/g, " ").slice(0, 110)}: ${box.getBoundingClientRect().height}`)"""


@pytest.fixture(scope="module")
def open_page(folder, browser) -> Iterator[Any]:
    """Open pages of a provider who has lived three weeks, as the owner, in a window of a size."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    stage = world.Sqlite(world.new_folder(folder, "lists"))
    app = stage.app
    app.config["TODAY"] = LIVED.isoformat()
    with app.app_context():
        portfolio.write(120, SINCE)
        portfolio.live(SINCE, LIVED)
        db.session.commit()
    server = LiveServer(app)
    client = world.signed_in(app, "owner")
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    contexts = []

    def opened(size: dict[str, int], **more: Any) -> Any:
        context = browser.new_context(base_url=server.url, viewport=size, **more)
        context.set_default_timeout(PATIENCE)
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": server.url}])
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    server.stop()
    stage.close()


def rows_of(page: Any, path: str) -> dict[str, Any]:
    """Where the rows of a list stand."""
    answer = page.goto(path)
    assert answer.status == 200, path
    page.evaluate(GIVE_INTER, INTER)
    page.evaluate(SET, "Inter")
    found: dict[str, Any] = page.evaluate(ROWS)
    assert found["first"] is not None, f"{path}: no row"
    return found


def test_a_list_begins_early_and_has_room_for_eighteen_rows_of_a_line_on_a_desk(open_page):
    page, wrong = open_page(DESK), []
    for path in [*LISTS, *WITH_SUMS]:
        found = rows_of(page, path)
        usual = sorted(found["heights"])[found["all"] // 2]
        first = found["first"]
        if first > (200 if path in LISTS else 220) or usual > 36 or first + 18 * usual > DESK["height"]:
            wrong.append((path, first, usual, found["shown"], found["all"]))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_list_has_two_lines_a_row_on_a_phone_and_shows_seven(open_page):
    page, wrong = open_page(PHONE, has_touch=True), []
    for path in [*LISTS, *WITH_SUMS]:
        found = rows_of(page, path)
        usual = sorted(found["heights"])[found["all"] // 2]
        if found["first"] > 330 or found["shown"] < min(7, found["all"]) or usual > 60:
            wrong.append((path, found["first"], found["shown"], found["all"], usual))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_hold_what_stands_in_them_and_a_hidden_one_is_told_in_a_second_line(open_page, width):
    page, wrong = open_page({"width": width, "height": 900}), {}
    for path in [*LISTS, *WITH_SUMS, "/charges/upcoming", *RUNS]:
        rows_of(page, path)
        if found := page.evaluate(COLUMNS):
            wrong[path] = found
    assert not wrong, "\n".join(f"{path}: {found}" for path, found in wrong.items())


@pytest.mark.parametrize(("size", "most"), [(DESK, 220), (PHONE, 330)], ids=["desk", "phone"])
def test_a_run_and_what_is_to_come_begin_early(open_page, size, most):
    page = open_page(size, has_touch=size == PHONE)
    first = {path: rows_of(page, path)["first"] for path in [*RUNS, "/charges/upcoming"]}
    assert max(first.values()) <= most, first


def test_fifty_rows_on_a_phone_are_no_longer_than_they_may_be(open_page):
    page = open_page(PHONE, has_touch=True)
    for path, most in BUDGETS.items():
        page.goto(path)
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height <= most, (path, height)


def test_what_a_thumb_touches_in_a_list_is_44_points_high(open_page):
    page, wrong = open_page(PHONE, has_touch=True), {}
    for path in [*LISTS, *WITH_SUMS, "/charges/upcoming"]:
        page.goto(path)
        if small := page.evaluate(SMALL):
            wrong[path] = small[:4]
    assert not wrong, "\n".join(f"{path}: {small}" for path, small in wrong.items())


def test_a_row_is_ticked_on_a_phone_only_once_select_is_pressed(open_page):
    page = open_page(PHONE, has_touch=True)
    page.goto("/customers")
    tick = page.locator(".rows tbody .row-select").first
    assert not tick.is_visible()
    page.get_by_text("Select", exact=True).first.tap()
    row = page.locator(".rows tbody tr").first.bounding_box()
    page.touchscreen.tap(row["x"] + row["width"] / 2, row["y"] + row["height"] - 12)
    page.locator(".bulk").wait_for()
    assert tick.is_checked()


def test_a_row_on_a_phone_leads_to_its_thing_wherever_it_is_tapped(open_page):
    page = open_page(PHONE, has_touch=True)
    for path, leads in (
        ("/customers", "/customers/"),
        ("/charges", "/charges/"),
        ("/payments", "/payments/"),
    ):
        page.goto(path)
        row = page.locator(".rows tbody tr").first.bounding_box()
        page.touchscreen.tap(row["x"] + row["width"] / 2, row["y"] + row["height"] - 12)
        page.wait_for_url(f"**{leads}*")


def test_a_day_of_upcoming_charges_opens_on_a_phone(open_page):
    page = open_page(PHONE, has_touch=True, java_script_enabled=False)
    page.goto("/charges/upcoming")
    line = page.locator(".of-day tr:not(.day-head)").first
    assert not line.is_visible()
    page.locator(".day-head__open").first.tap()
    assert line.is_visible()


@pytest.mark.parametrize("path", ["/packages", "/customers", "/dids"])
def test_a_row_that_is_edited_leaves_the_columns_where_they_are(open_page, path):
    page = open_page(DESK)
    page.goto(path)
    columns = (
        "() => [...document.querySelectorAll('.rows thead th')].map((e) => e.getBoundingClientRect().left)"
    )
    before, row = page.evaluate(columns), page.locator(".rows tbody tr").nth(3)
    row.locator(".row-actions a").click()
    page.locator("tr.editing").wait_for()
    assert page.evaluate(columns) == before
    save, cancel = (
        page.locator("tr.editing").get_by_text(word, exact=True).bounding_box() for word in ("Save", "Cancel")
    )
    assert save["y"] == cancel["y"]
    assert page.locator("tr.editing").bounding_box()["height"] <= 72
