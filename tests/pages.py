"""Reading pages as a person would, and holding every one of them to the same rules."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import html5lib
from bs4 import BeautifulSoup, Tag
from bs4.builder._html5lib import HTML5TreeBuilder
from werkzeug.test import TestResponse


class StrictBuilder(HTML5TreeBuilder):
    """Builds the tree that a browser builds, and fails at the first error in the page."""

    def feed(self, markup: Any) -> None:
        """Parse a page."""
        parser = html5lib.HTMLParser(tree=self.create_treebuilder, strict=True)
        parser.parse(markup)


TABLE_PARTS = ("<tr", "<tbody", "<td")


def page(response: TestResponse, status: int = 200) -> BeautifulSoup:
    """Parse a whole page and hold it to the rules every page must meet."""
    assert response.status_code == status, response.text[:600]
    soup = _strictly(response.text)
    elements = _elements(soup)
    assert len(elements["h1"]) == 1, "one h1"
    assert elements["title"] and elements["main"], "a title and a main"
    _hold(elements)
    labels = {label.get("for") for label in elements["label"]}
    unlabelled = [control for control in _controls(elements) if not _has_a_name(control, labels)]
    assert not unlabelled, f"controls without a name: {unlabelled}"
    forms = {form.get("id") for form in elements["form"]}
    lost = [
        element
        for element in chain(*elements.values())
        if "form" in element.attrs
        and element["form"] not in forms
        and "row-select" not in element.get("class", ())
    ]
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
    _hold(_elements(soup))
    return soup


def _strictly(text: str) -> BeautifulSoup:
    """Parse a whole page once, as a browser does, and hold it to the grammar of HTML."""
    return BeautifulSoup(text, builder=StrictBuilder(store_line_numbers=False))


def _elements(soup: BeautifulSoup) -> defaultdict[str, list[Tag]]:
    """All elements by their names, in one walk: a CSS selector for each rule would walk each page fifteen times."""
    elements: defaultdict[str, list[Tag]] = defaultdict(list)
    for element in soup.find_all(True):
        elements[element.name].append(element)
    return elements


def _hold(elements: defaultdict[str, list[Tag]]) -> None:
    everything = list(chain(*elements.values()))
    ids = Counter(element["id"] for element in everything if "id" in element.attrs)
    assert not [name for name, count in ids.items() if count > 1], f"ids used twice: {ids.most_common(3)}"
    forms = elements["form"]
    assert all(form.get("action") for form in forms), "a form goes somewhere without htmx"
    assert all(form.get("method") == "post" for form in forms if "hx-post" in form.attrs), (
        "works without htmx"
    )
    assert all(a.get("href") for a in elements["a"]), "a link works without htmx"
    scripts = [script for script in elements["script"] if "src" not in script.attrs]
    styled = [element for element in everything if "style" in element.attrs]
    assert not (styled or elements["style"] or scripts), "nothing inline"
    assert not [e for e in everything if any(a.startswith(("on", "hx-on")) for a in e.attrs)]
    abroad = [e for e in everything if _starts(e, "href", "http:") or _starts(e, "src", "http")]
    assert not abroad, f"nothing from another host: {abroad}"


def _starts(element: Tag, attribute: str, start: str) -> bool:
    return str(element.get(attribute, "")).startswith(start)


def _controls(elements: defaultdict[str, list[Tag]]) -> Iterator[Tag]:
    yield from (control for control in elements["input"] if control.get("type") != "hidden")
    yield from elements["select"]
    yield from elements["textarea"]


def _has_a_name(control: Tag, labels: set[Any]) -> bool:
    if control.get("aria-label") or control.get("aria-labelledby") or control.find_parent("label"):
        return True
    return bool(control.get("id")) and control["id"] in labels


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
