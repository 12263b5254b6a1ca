"""Every page, in a real browser, is held to WCAG 2.2 AA by axe: wide and narrow, light and dark.

The pages are those of the application's own URL map that answer HTML, asked for by the first role that may see
them. What a page is only at times (a dialog, an error, an open row, a menu) has a test of its own below.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import role_stage, role_table
from tests.browser_fixtures import CHROMIUM, PATIENCE, LiveServer
from tests.role_table import ANSWERS, ROLES, YES

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[1] / "vendor/axe-core-4.14.1/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# Whoever sees most comes first.
ASKING = ("owner", "acme", "nobody")
ROWS = {name: block for name, block in role_table.rows().items() if name.startswith("GET ")}

# Everything that unfolds, unfolded; then what axe says against it, short enough to read.
CHECK = """async ([tags, only]) => {
  // A menu hangs over what stands below it: it is one of the moments.
  for (const folded of document.querySelectorAll("details:not(.menu)")) folded.open = true;
  // A colour scheme that changes under a page reaches inherited colours for certain only once it is drawn anew.
  document.body.hidden = true;
  document.body.offsetHeight;
  document.body.hidden = false;
  const rules = only.length ? {runOnly: {type: "rule", values: only}}
    : {runOnly: {type: "tag", values: tags}, rules: {"target-size": {enabled: true}}};
  const found = await axe.run(document, {...rules, resultTypes: ["violations"]});
  return found.violations.flatMap(({id, nodes}) =>
    nodes.slice(0, 3).map((node) => `${id}: ${node.target} ${node.html.slice(0, 160)} (${node.failureSummary})`));
}"""


@pytest.fixture(scope="module")
def stage(folder) -> Iterator[role_stage.Stage]:
    """Acme, Globex and the provider, with something of everything."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here")
    made = role_stage.make(folder, "accessible")
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(stage) -> Iterator[LiveServer]:
    """The stage, answering a browser."""
    server = LiveServer(stage.app)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pages(stage, served, browser):
    """A page in which each of ASKING is signed in; `pages["owner"]`."""
    contexts = {role: browser.new_context(base_url=served.url, viewport=WIDE) for role in ASKING}
    for role, context in contexts.items():
        context.set_default_timeout(PATIENCE)
        cookie = role_stage.browser(stage, role).get_cookie(stage.app.config["SESSION_COOKIE_NAME"])
        if cookie:
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": served.url}])
    yield {role: context.new_page() for role, context in contexts.items()}
    for context in contexts.values():
        context.close()


def complaints(page) -> list[str]:
    """What axe says of the page as it stands. Only colours are asked of again in the dark."""
    found = []
    page.evaluate(AXE)
    for width in (WIDE, NARROW):
        for scheme, only in (("light", []), ("dark", ["color-contrast"])):
            page.set_viewport_size(width)
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{width['width']} {scheme} {one}" for one in page.evaluate(CHECK, [TAGS, only])]
    return found


def who_may(name: str) -> str:
    """The role that asks for a page: the first of ASKING that is let in."""
    assert name in ROWS, f"{name} has no row in tests/role_table.py"
    answers = dict(zip(ROLES, ANSWERS[ROWS[name]], strict=True))
    return next((role for role in ASKING if answers[role] == YES), "owner")


@pytest.mark.parametrize("part", range(4))
def test_every_page_is_accessible(stage, pages, part):
    """In four parts, so that several processes share them."""
    found, routes = {}, role_stage.routes(stage.app)
    for name in sorted(name for name in routes if name.startswith("GET "))[part::4]:
        role = who_may(name)
        for rule in routes[name]:
            things = stage.things["acme"]
            path = role_stage.address(stage.app, name, rule, things)
            asked = f"{path}?customer_id={things.parts['customer_id']}"
            answer = role_stage.browser(stage, role).get(asked)
            if answer.data.startswith(b"<!doctype html>") and not answer.location:
                pages[role].goto(asked)
                if said := complaints(pages[role]):
                    found[path] = said
    assert not found, "\n".join(f"{path}\n  " + "\n  ".join(said) for path, said in found.items())


# What a page is only at times: where it starts, what is done there, and what then must be seen.
MOMENTS = {
    "a form that was refused": ("/packages/new", ["click:Add package"], ".note--bad"),
    "a customer that was refused": ("/customers/new", ["click:Add customer"], ".field__error"),
    "an open row": ("/packages", ["click:Edit"], "tr.editing"),
    "a row that was refused": (
        "/customers",
        ["click:Edit", "clear:Name", "click:Save"],
        "tr.editing .field__error",
    ),
    "chosen rows": ("/customers", ["check:Select Acme"], ".bulk"),
    "a dialog with a form": ("/customers/{customer_id}", ["click:Assign package"], "dialog[open] form"),
    "a dialog that refuses": ("/packages/{package_id}", ["click:More", "click:Delete"], "dialog[open] .note"),
    "a list that found nothing": ("/packages?q=zzz", [], ".empty"),
    "a page that is not there": ("/nowhere", [], "h1"),
    "a span that ends before it begins": ("/charges?from=2026-12-01&to=2026-01-01", [], "#span-error"),
    "charges about to be reversed": ("/charges/reversal?ids={charge_id}", [], "#reverse"),
    "assignments about to be removed": (
        "/packages/{package_id}",
        ["check:Select Acme", "click:Remove them"],
        ".note",
    ),
    "a customer who is not archived yet": (
        "/customers/{customer_id}",
        ["click:More", "click:Archive customer"],
        ".note",
    ),
    "what else can be done": ("/customers/{customer_id}", ["click:More"], ".menu[open]"),
    "nothing was chosen": ("/assignments/many/customers", [], "h1"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_a_page_is_at_times_is_accessible(stage, pages, moment):
    path, steps, seen = MOMENTS[moment]
    page = pages["owner"]
    page.set_viewport_size(WIDE)
    page.goto(path.format(**stage.things["acme"].parts))
    for step in steps:
        act, _, words = step.partition(":")
        match act:
            case "click":
                shown = (
                    page.locator("main, dialog[open]").locator("button, a, summary").locator("visible=true")
                )
                shown.filter(has_text=words).last.click()
            case "check":
                page.get_by_label(words).check()
            case "clear":
                page.locator("tr.editing").get_by_label(words).fill("")
    page.locator(seen).first.wait_for()
    said = complaints(page)
    assert not said, "\n".join(said)


def test_the_menu_of_a_phone_is_accessible(pages):
    page = pages["owner"]
    page.set_viewport_size(NARROW)
    page.goto("/packages")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").wait_for()
    page.evaluate(AXE)
    said = page.evaluate(CHECK, [TAGS, []])
    assert not said, "\n".join(said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("text", ["ac", "add payment", "zzz"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_search_is_accessible_with_what_it_found(pages, size, text, scheme):
    page = pages["owner"]
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    page.goto("/packages")
    page.get_by_role("combobox", name="Search everything", include_hidden=True).wait_for(state="attached")
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.locator("#found [data-say]").wait_for(state="attached")
    page.evaluate(AXE)
    said = page.evaluate(CHECK, [TAGS, ["color-contrast"] if scheme == "dark" else []])
    assert not said, "\n".join(said)
