"""Reading pages as a person would, and holding every one of them to the same rules."""

from collections import Counter

import html5lib
from bs4 import BeautifulSoup, Tag
from werkzeug.test import TestResponse

TABLE_PARTS = ("<tr", "<tbody", "<td")


def page(response: TestResponse, status: int = 200) -> BeautifulSoup:
    """Parse a whole page and hold it to the rules every page must meet."""
    assert response.status_code == status, response.text[:600]
    html5lib.HTMLParser(strict=True).parse(response.text)
    soup = BeautifulSoup(response.text, "html.parser")
    assert len(soup.select("h1")) == 1, "one h1"
    assert soup.select_one("title") and soup.select_one("main"), "a title and a main"
    _hold(soup)
    unlabelled = [
        control
        for control in soup.select("input:not([type=hidden]), select, textarea")
        if not _name_of(soup, control)
    ]
    assert not unlabelled, f"controls without a name: {unlabelled}"
    held = soup.select("[form]:not(.row-select)")
    lost = [control for control in held if not soup.find("form", id=control["form"])]
    assert not lost, f"controls of a form that is not there: {lost}"
    return soup


def part(response: TestResponse, status: int = 200) -> BeautifulSoup:
    """Parse a fragment as htmx gets it; table parts come first, or a browser throws them out."""
    assert response.status_code == status, response.text[:600]
    text = response.text.strip()
    inside = next((p for p in TABLE_PARTS if text.startswith(p)), "")
    container = {"<tr": "tbody", "<tbody": "table", "<td": "tr"}.get(inside, "div")
    parser = html5lib.HTMLParser(strict=not inside)
    parser.parseFragment(text, container=container)
    soup = BeautifulSoup(text, "html.parser")
    assert "<html" not in text, "a whole page where a part was asked for"
    _hold(soup)
    return soup


def _hold(soup: BeautifulSoup) -> None:
    ids = Counter(element["id"] for element in soup.select("[id]"))
    assert not [name for name, count in ids.items() if count > 1], f"ids used twice: {ids.most_common(3)}"
    assert all(form.get("action") for form in soup.select("form")), "a form goes somewhere without htmx"
    assert all(form.get("method") == "post" for form in soup.select("form[hx-post]")), "works without htmx"
    assert all(a.get("href") for a in soup.select("a")), "a link works without htmx"
    assert not soup.select("[style], style, script:not([src])"), "nothing inline"
    assert not [e for e in soup.find_all(True) if any(a.startswith(("on", "hx-on")) for a in e.attrs)]
    assert not soup.select('[href^="http:"], [src^="http"]'), "nothing from another host"


def _name_of(soup: BeautifulSoup, control: Tag) -> bool:
    if control.get("aria-label") or control.get("aria-labelledby") or control.find_parent("label"):
        return True
    return bool(control.get("id") and soup.select_one(f'label[for="{control["id"]}"]'))


def words(element: Tag | None) -> str:
    """The text of an element, its white space as a reader sees it."""
    assert element is not None, "there is no such element"
    return " ".join(element.get_text(" ").split())


def error_at(soup: BeautifulSoup, name: str) -> str:
    """The sentence at the field called `name`; fails where there is none."""
    field = soup.select_one(f'[name="{name}"][aria-invalid=true], [data-field="{name}"] [aria-invalid=true]')
    assert field is not None, f"no error at {name}"
    said = [soup.select_one(f"#{part}") for part in str(field.get("aria-describedby", "")).split()]
    return " ".join(words(element) for element in said if element is not None)
