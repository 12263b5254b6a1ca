"""Layouts hold in any system's font: no page is wider than its window, no text is cut or lies over another.

The widths of the fonts that systems have differ by a fifth: DejaVu Sans is among the widest, Liberation Sans is as
wide as Arial and Helvetica, Inter is near to Segoe UI, Roboto and San Francisco. A table may scroll in a box of its own
where there is no room for it (static/css/lists.css).
"""

import base64
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import Customer, Did
from tests import role_stage, trade
from tests.browser_fixtures import CHROMIUM, PATIENCE, LiveServer
from tests.depth import tries

pytestmark = pytest.mark.browser

FIT = Path(__file__).with_name("fit.js").read_text()
SHIPPED = Path(__file__).parents[2] / "portal/fonts"
FONTS = ("DejaVu Sans", "Liberation Sans", "Inter")
WIDTHS = (320, 390, 768, 1024, 1152, 1280, 1440, 1920)
PAGES = {
    "owner": """/ /customers /customers/new /customers/{customer_id} /customers/{customer_id}/edit
        /customers/{customer_id}/row/edit /customers/{customer_id}/credit /customers/{customer_id}/calls
        /customers/{customer_id}/charges /customers/{customer_id}/next-charges /customers/{customer_id}/dids
        /customers/{customer_id}/notes /customers/{customer_id}/details /packages/{package_id}/prices
        /customers/{customer_id}/summary /customers/{customer_id}/upcoming /customers/{customer_id}/assignments/new
        /assignments/{assignment_id} /assignments/{assignment_id}/edit /assignments/{assignment_id}/end
        /packages /packages/new /packages/{package_id} /packages/{package_id}/edit /packages/{package_id}/row/edit
        /dids /dids/new /dids/{did_id} /charges /charges/new /charges/{charge_id} /charges/upcoming
        /payments/new?customer_id={customer_id} /payments/{payment_id}
        /calls /calls/{import_id} /runs /runs/new /runs/{run_id}
        /settings /settings/audit /settings/people /styleguide /held /connexcs-packages /account""".split(),
    "acme": "/my /my/charges /my/dids /my/summary /my/people".split(),
}
CURRENCIES = ("CHF", "EUR", "GBP", "NOK", "SEK", "USD")
ASKED = [(role, path) for role, paths in PAGES.items() for path in paths]

# Inter is the portal's own (portal/fonts), given to the page; the others are the system's.
GIVE_INTER = """async (weights) => {
  for (const [weight, data] of Object.entries(weights)) {
    const face = new FontFace("Inter", Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), {weight});
    document.fonts.add(await face.load());
  }
}"""
HAS = """(font) => {
  const pen = document.createElement("canvas").getContext("2d");
  const widths = ["serif", "monospace"].map((other) => {
    pen.font = `100px "${font}", ${other}`;
    return pen.measureText("Retail 1,234.50 GBP").width;
  });
  return widths[0] === widths[1];
}"""
SET = "(font) => document.documentElement.style.setProperty('--sans', `\"${font}\"`)"


@pytest.fixture(scope="module")
def stage(folder) -> Iterator[role_stage.Stage]:
    """Acme and Globex, with long names, large amounts, and a package sold in six currencies."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    made = role_stage.make(folder, "fonts")
    with made.app.app_context():
        parts = made.things["acme"].parts
        parts["package_id"] = make_it_wide(parts["customer_id"], parts["did_id"])
        db.session.commit()
    yield made
    made.close()


def make_it_wide(customer_id: int, did_id: int) -> int:
    """What is long or large in a portal, for one customer; the id of a package that many have."""
    customer = db.session.get_one(Customer, customer_id)
    customer.name = "Northwind Telecommunications and Surveying Ltd"
    customer.email = "accounts-receivable.department@northwind-telecommunications.example"
    seats = trade.a_package(
        "Hosted PBX Seat", "97.50", setup_retail="125", cost="60.25", currencies=CURRENCIES
    )
    for currency in CURRENCIES:
        trade.assigned(seats, trade.a_customer(f"Brückner Maschinenbau {currency}", currency), quantity=25)
    trade.assigned(seats, customer, date(2026, 8, 24), quantity=64)
    trunk = trade.a_package("SIP Trunk 10", "1234.50", setup_retail="250", match=(15, 31), minimum_days=60)
    trunk.description = "A SIP trunk with ten channels, on two carriers. Charged in halves of the month."
    trade.assigned(trunk, customer, date(2026, 11, 12))
    least = trade.a_package("Number Commitment", "2500", match=(24,), minimum_spend=True)
    least.description = "Calls over one number for at least this much each month."
    trade.assigned(least, customer, date(2026, 9, 24), did=db.session.get_one(Did, did_id))
    yearly = trade.a_package("Support", "98765.43", frequency=Frequency.YEARLY, match=())
    trade.assigned(yearly, customer, date(2026, 11, 20), auto_decrement_credit=True)
    trade.run()
    return seats.id


@pytest.fixture(scope="module")
def pages(stage, browser):
    """A page in which each role of PAGES is signed in."""
    server = LiveServer(stage.app)
    contexts = {role: browser.new_context(base_url=server.url) for role in PAGES}
    for role, context in contexts.items():
        context.set_default_timeout(PATIENCE)
        cookie = role_stage.browser(stage, role).get_cookie(stage.app.config["SESSION_COOKIE_NAME"])
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": server.url}])
    yield {role: context.new_page() for role, context in contexts.items()}
    for context in contexts.values():
        context.close()
    server.stop()


@pytest.fixture(scope="module")
def inter() -> dict[str, str]:
    """The portal's own Inter, by its weights."""
    files = {"100 500": "Inter-Regular.ttf", "501 900": "Inter-SemiBold.ttf"}
    return {
        weight: base64.b64encode((SHIPPED / name).read_bytes()).decode() for weight, name in files.items()
    }


def test_the_fonts_are_here(pages, inter, request):
    page = pages["acme"]
    page.goto("/my")
    page.evaluate(GIVE_INTER, inter)
    missing = [font for font in FONTS if not page.evaluate(HAS, font)]
    if missing and not request.config.getoption("--need-chromium"):
        pytest.skip(f"not installed: {missing} (Debian: apt install fonts-dejavu-core fonts-liberation)")
    assert not missing


def widths(place, font):
    """Half of WIDTHS, the other half for the next page; with --deep all of them in the widest font."""
    return WIDTHS if font == tries("", deep=FONTS[0]) else WIDTHS[place % 2 :: 2]


@pytest.mark.parametrize("part", range(4))
def test_no_page_sticks_out_of_its_window_in_a_wide_font(stage, pages, inter, part):
    """In four parts, so that several processes share them. A page is asked for once."""
    found = {}
    for place, (role, path) in list(enumerate(ASKED))[part::4]:
        page = pages[role]
        answer = page.goto(path.format(**stage.things["acme"].parts))
        assert answer.status == 200, path
        page.evaluate(GIVE_INTER, inter)
        for font in FONTS:
            page.evaluate(SET, font)
            for width in widths(place, font):
                page.set_viewport_size({"width": width, "height": 900})
                if said := page.evaluate(FIT):
                    found[f"{page.url}, {font}, {width}"] = said
    assert not found, "\n".join(f"{where}\n  " + "\n  ".join(said) for where, said in found.items())
