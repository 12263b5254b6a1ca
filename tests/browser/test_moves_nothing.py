"""What opens moves nothing beside it, what comes can be clicked at once; what a form asks can be touched; red ends."""

from collections import Counter
from datetime import date

import pytest

from portal.extensions import db
from tests.browser_fixtures import ARGUMENTS, CHROMIUM, PATIENCE, cookie_of
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

pytestmark = pytest.mark.browser
expect = pytest.importorskip("playwright.sync_api").expect

PHONE = {"width": 390, "height": 844}
# Where every box stands from side to side, but for those inside what opens.
ACROSS = """() => [...document.querySelectorAll("main :not(#toasts), .rail *")]
  .filter((e) => !e.matches("details") && !e.closest("details > :not(summary)"))
  .map((e) => [e.tagName, e.className, e.getBoundingClientRect().left, e.getBoundingClientRect().width].join(" "))"""
# What can be touched of a form or a dialog and is less than 44 points high; a tick is as large as its label.
SMALL = """() => {
  const touched = ":is(a, button, input, select, textarea, summary):not([type=hidden], .visually-hidden)";
  return [...document.querySelectorAll(`:is(.form, .dialog__head, .dialog__body) ${touched}`)]
    .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest("p, td a, th a"))
    .map((e) => [e, e.closest("label") ?? e.closest(".unit") ?? e])
    .filter(([, box]) => box.getBoundingClientRect().height < 43.9)
    .map(([e, box]) => `${e.outerHTML.slice(0, 90)}: ${box.getBoundingClientRect().height}`);
}"""


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def scene(app):
    """A customer with a seat that is charged and explained."""
    with app.app_context():
        customer = a_customer()
        seat = assigned(a_package("Hosted Seat", "30"), customer, date(2026, 11, 1), quantity=12)
        line = a_package("Line", "2")
        for number in range(2):
            assigned(line, customer, did=a_did(customer, f"+442079460{number:03}"))
        run()
        db.session.commit()
        return {"customer": customer.id, "seat": seat.id}


@pytest.fixture
def desk(browser, live_server):
    """A page of the owner's, with the scrollbars that a desk has: a short page has none until something opens."""
    own = browser.browser_type.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=["--hide-scrollbars"]
    )
    context = own.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_cookies([cookie_of(live_server, "owner")])
    yield context.new_page()
    own.close()


def test_what_opens_moves_no_other_box_and_not_the_word_that_was_clicked(scene, desk):
    for path, word in (
        ("/assignments/{seat}", desk.get_by_text("why", exact=True).first),
        ("/customers/{customer}/charges", desk.get_by_text("why", exact=True).last),
        ("/customers/{customer}", desk.get_by_text("More", exact=True)),
        ("/customers/{customer}", desk.get_by_role("link", name="Line × 2")),
        ("/customers/{customer}", desk.get_by_role("link", name="Assign package").first),
        ("/customers/{customer}", desk.get_by_role("link", name="End", exact=False).last),
    ):
        desk.goto(path.format(**scene))
        word.scroll_into_view_if_needed()
        before, where = desk.evaluate(ACROSS), word.bounding_box()
        word.click()
        desk.locator(
            "details:is(.why, .menu)[open], dialog[open], [aria-expanded=true]:is(.unfold)"
        ).first.wait_for()
        gone = Counter(before) - Counter(desk.evaluate(ACROSS))
        assert not gone, path
        assert word.bounding_box() == where, path


def test_on_a_phone_what_forms_and_dialogs_ask_is_44_points_high(scene, screen):
    page, small = screen(viewport=PHONE), {}
    for path, opener in (
        ("/customers/{customer}", "Assign package"),
        ("/assignments/{seat}/end", ""),
        ("/packages/new", ""),
        ("/payments/new?customer_id={customer}", ""),
        ("/runs/new", ""),
        ("/customers/new", ""),
    ):
        page.goto(path.format(**scene))
        if opener:
            if opener == "Assign package":
                page.get_by_text("More", exact=True).click()
            page.get_by_role("link", name=opener).last.click()
            page.locator("dialog[open]").wait_for()
        if found := page.evaluate(SMALL):
            small[path, opener] = found
    assert not small, "\n".join(f"{where}: {found}" for where, found in small.items())


def test_the_foot_of_a_dialog_is_in_view_and_says_what_it_comes_to(scene, screen):
    for size in ({"width": 1440, "height": 700}, PHONE):
        page = screen(viewport=size)
        page.goto(f"/customers/{scene['customer']}")
        if size == PHONE:
            page.get_by_text("More", exact=True).click()
        page.get_by_role("link", name="Assign package").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Package").select_option("Hosted Seat")
        expect(page.locator("#assign-sum")).to_have_text(
            "360.00 GBP in twelve months, first 30.00 on 1 Dec 2026"
        )
        assert dialog.evaluate("box => box.scrollHeight > box.clientHeight")
        for button in ("Assign package", "Cancel"):
            expect(dialog.locator(".form__end").get_by_text(button)).to_be_in_viewport(ratio=1)
        dialog.get_by_role("link", name="Cancel").click()
        expect(dialog).to_be_hidden()
        expect(page).to_have_url(f"/customers/{scene['customer']}")


def test_what_is_corrected_is_red_no_more(page):
    page.goto("/customers/new")
    page.get_by_role("button", name="Add customer").click()
    name = page.get_by_label("Name", exact=True)
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("Acme")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#name-error")).to_be_hidden()


# From before a page is first seen on, every few milliseconds: what would hear a click in the middle of it, and beside.
HEARD = """heard = []; setInterval(() => {
  for (const part of document.querySelectorAll("main table, .rail nav")) {
    const box = part.getBoundingClientRect();
    heard.push(part.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)));
  }
}, 4)"""


def test_a_click_on_a_page_that_has_just_come_is_not_lost(page, scene):
    """What changes over from one page to the next hears no click as long as it does."""
    page.add_init_script("addEventListener('pagereveal', (event) => changes = !!event.viewTransition)")
    page.add_init_script(HEARD)
    page.goto("/packages")
    page.get_by_role("navigation").get_by_role("link", name="Customers").click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.wait_for_timeout(400)  # a change takes 110 ms
    assert page.evaluate("changes") and page.evaluate("heard.length > 60 && heard.every(Boolean)")


# The change in the middle of it: how large both headings are drawn, and whether what is drawn is where the new one is.
CHANGING = """addEventListener("pagereveal", async (event) => {
  if (!event.viewTransition) return;
  await event.viewTransition.ready;
  const drawn = (part) => getComputedStyle(document.documentElement, `::view-transition-${part}(heading)`);
  const heading = document.querySelector("h1").getBoundingClientRect();
  changing = {
    new: [parseFloat(drawn("new").width), parseFloat(drawn("new").height)], is: [heading.width, heading.height],
    old: parseFloat(drawn("old").height), clipped: drawn("group").overflow, high: parseFloat(drawn("group").height),
    moves: document.getAnimations().some((one) => one.effect.pseudoElement === "::view-transition-group(heading)"),
  };
})"""


def test_a_heading_of_five_lines_changes_over_with_one_of_one_without_being_drawn_over_the_page(page, app):
    """On a phone one line, drawn as high as five, was cut off at the edge and lay over what stood below."""
    with app.app_context():
        customer = a_customer("Kestrel & Soehne Telefonie und Netzwerktechnik Handelsgesellschaft").id
        db.session.commit()
    page.set_viewport_size(PHONE)
    page.add_init_script(CHANGING)
    page.goto("/customers")
    short = page.locator("h1").bounding_box()["height"]
    page.goto(f"/customers/{customer}")
    long = page.locator("h1").bounding_box()["height"]
    assert long > 3 * short
    page.get_by_role("main").get_by_role("link", name="Customers").first.click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.wait_for_function("() => typeof changing !== 'undefined'")
    seen = page.evaluate("changing")
    assert seen["new"] == pytest.approx(seen["is"], abs=12)  # letters may stand out of their box
    assert seen["old"] == pytest.approx(long, abs=12)
    assert (seen["clipped"], seen["high"], seen["moves"]) == ("clip", short, False)


def test_the_slash_behind_a_long_crumb_has_no_line_of_its_own(page, app):
    """On a phone it stood alone below a name of two lines."""
    with app.app_context():
        customer = a_customer("Kestrel & Soehne Telefonie und Netzwerktechnik Handelsgesellschaft").id
        db.session.commit()
    page.set_viewport_size(PHONE)
    page.goto(f"/customers/{customer}/credit/adjustments/new")
    name = page.locator(".crumbs li").nth(1)
    line = "parseFloat(getComputedStyle(li).lineHeight)"
    seen = name.evaluate(f"(li) => [li.querySelector('a').getClientRects().length, li.offsetHeight / {line}]")
    assert seen == [2, 2]
    assert min(a.bounding_box()["height"] for a in page.locator(".crumbs a").all()) >= 44
