"""Reading pages as a person would, and holding every one of them to the same rules."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

import turbohtml
from turbohtml import Node, Text, TokenType
from werkzeug.test import TestResponse

# What a part of a table is put into before it is read: by itself, a browser would throw it away.
AROUND = {"<tr": "tbody", "<tbody": "table", "<td": "tr"}
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
SAID = (TokenType.TEXT, TokenType.CHARACTER_REFERENCE)
# What stands for text among the names of elements: SVG has one that is called text.
TEXT = "a text"
UNSEEN = ("script", "style", "template")


class Element:
    """An element of a page, or the page: found by selectors of CSS, its attributes by their names."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def name(self) -> str:
        """What kind of element it is: `td`."""
        return getattr(self.node, "tag", "")

    @property
    def attrs(self) -> dict[str, Any]:
        """All its attributes; those that hold several words hold a list."""
        return dict(getattr(self.node, "attrs", {}))

    @property
    def parent(self) -> "Element | None":
        """What it stands in."""
        return _maybe(self.node.parent)

    @property
    def text(self) -> str:
        """Its text as it is written."""
        return "".join(self._texts())

    def get_text(self, between: str) -> str:
        """Its text, `between` where one element ends and the next begins."""
        return between.join(self._texts())

    def _texts(self) -> Iterator[str]:
        for node in self.node.descendants:
            if isinstance(node, Text) and not _is_unseen(node.parent):
                yield node.data

    def __getitem__(self, attribute: str) -> Any:
        """The value of an attribute; KeyError where it has none."""
        return self.node.attrs[attribute]  # type: ignore[attr-defined]

    def get(self, attribute: str, otherwise: Any = None) -> Any:
        """The value of an attribute, or something else where it has none."""
        return self.node.attrs.get(attribute, otherwise)  # type: ignore[attr-defined]

    def has_attr(self, attribute: str) -> bool:
        """Whether it has the attribute, with or without a value."""
        return attribute in self.node.attrs  # type: ignore[attr-defined]

    def select(self, selector: str) -> "list[Element]":
        """Everything in it that a selector finds."""
        return [Element(node) for node in self.node.select(selector)]

    def select_one(self, selector: str) -> "Element | None":
        """The first that a selector finds."""
        return _maybe(self.node.select_one(selector))

    def __getattr__(self, name: str) -> "Element | None":
        """The first element of that name: `row.th`."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.select_one(name)

    def find_parent(self, name: str) -> "Element | None":
        """The nearest element of that name around it."""
        return _maybe(self.node.parent.closest(name) if self.node.parent else None)

    def find_next(self, name: str) -> "Element | None":
        """The next element of that name in the page."""
        inside = self.node.select_one(name)
        return _maybe(inside or next((n for n in self.node.following if getattr(n, "tag", "") == name), None))

    def __eq__(self, other: object) -> bool:
        """Two are one where they stand at one place of one page."""
        return isinstance(other, Element) and self.node is other.node

    def __hash__(self) -> int:
        """By its place."""
        return hash(self.node)

    def __repr__(self) -> str:
        """As it is written."""
        return self.node.html


def _is_unseen(node: Node | None) -> bool:
    """Whether text in a node is not seen; a row's second line is seen instead of columns, which say the same."""
    if getattr(node, "tag", "") in UNSEEN:
        return True
    return any(
        "then" in getattr(one, "attrs", {}).get("class", ()) for one in (node, getattr(node, "parent", None))
    )


def _maybe(node: Node | None) -> Element | None:
    return None if node is None else Element(node)


def read(text: str) -> Element:
    """A page, or a part of one, as a browser reads it, faults and all."""
    inside = next((container for start, container in AROUND.items() if text.lstrip().startswith(start)), "")
    return Element(turbohtml.parse_fragment(text, inside) if inside else turbohtml.parse(text))


def page(response: TestResponse, status: int = 200) -> Element:
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
        if element.has_attr("form")
        and element["form"] not in forms
        and "row-select" not in element.get("class", ())
    ]
    assert not lost, f"controls of a form that is not there: {lost}"
    return soup


def part(response: TestResponse, status: int = 200) -> Element:
    """Parse a fragment as htmx gets it; table parts come first, or a browser throws them out."""
    assert response.status_code == status, response.text[:600]
    text = response.text.strip()
    assert "<html" not in text, "a whole page where a part was asked for"
    inside = next((container for start, container in AROUND.items() if text.startswith(start)), "div")
    soup = Element(turbohtml.parse_fragment(text, inside))
    if inside == "div":
        _hold_to_grammar(text, soup)
    _hold(_elements(soup))
    return soup


def _strictly(text: str) -> Element:
    """Read a whole page as a browser does, and hold it to the grammar of HTML."""
    soup = Element(turbohtml.parse(text, strict=True))
    _hold_to_grammar(text, soup)
    return soup


def _hold_to_grammar(text: str, soup: Element) -> None:
    """What is written is what a browser builds of it: it puts nothing elsewhere, and closes nothing by itself."""
    written, built = list(_written(text)), list(_built(soup.node))
    for at, (one, other) in enumerate(zip(written, built, strict=False)):
        assert one == other, f"{written[max(at - 6, 0) : at + 3]} becomes {built[max(at - 6, 0) : at + 3]}"
    assert len(written) == len(built), f"something is not closed: {written[-6:]} becomes {built[-6:]}"


def _written(text: str) -> Iterator[str]:
    last = ""
    for token in turbohtml.tokenize(text):
        if token.type == TokenType.START_TAG:
            yield f"<{token.tag}>"
            if token.self_closing and token.tag not in VOID:
                yield f"</{token.tag}>"
            last = token.tag or ""
        elif token.type == TokenType.END_TAG:
            yield f"</{token.tag}>"
            last = ""
        elif last == "noscript":  # what only a browser without script reads is no text to it
            yield from _written(token.data or "")
        elif token.data and token.data.strip() and token.type in SAID and last != TEXT:
            yield TEXT
            last = TEXT


def _built(node: Node) -> Iterator[str]:
    for child in node:
        if tag := getattr(child, "tag", ""):
            yield f"<{tag}>"
            yield from _built(child)
            if tag not in VOID:
                yield f"</{tag}>"
        elif isinstance(child, Text) and child.data.strip():
            yield TEXT


def _elements(soup: Element) -> defaultdict[str, list[Element]]:
    """All elements by their names, in one walk."""
    elements: defaultdict[str, list[Element]] = defaultdict(list)
    for node in soup.node.iter_elements():
        elements[node.tag].append(Element(node))
    return elements


def _hold(elements: defaultdict[str, list[Element]]) -> None:
    everything = list(chain(*elements.values()))
    ids = Counter(element["id"] for element in everything if element.has_attr("id"))
    assert not [name for name, count in ids.items() if count > 1], f"ids used twice: {ids.most_common(3)}"
    forms = elements["form"]
    assert all(form.get("action") for form in forms), "a form goes somewhere without htmx"
    assert all(form.get("method") == "post" for form in forms if form.has_attr("hx-post")), (
        "works without htmx"
    )
    assert all(a.get("href") for a in elements["a"]), "a link works without htmx"
    scripts = [script for script in elements["script"] if not script.has_attr("src")]
    styled = [element for element in everything if element.has_attr("style")]
    assert not (styled or elements["style"] or scripts), "nothing inline"
    assert not [e for e in everything if any(a.startswith(("on", "hx-on")) for a in e.attrs)]
    abroad = [e for e in everything if _starts(e, "href", "http:") or _starts(e, "src", "http")]
    assert not abroad, f"nothing from another host: {abroad}"


def _starts(element: Element, attribute: str, start: str) -> bool:
    return str(element.get(attribute, "")).startswith(start)


def _controls(elements: defaultdict[str, list[Element]]) -> Iterator[Element]:
    yield from (control for control in elements["input"] if control.get("type") != "hidden")
    yield from elements["select"]
    yield from elements["textarea"]


def _has_a_name(control: Element, labels: set[Any]) -> bool:
    if control.get("aria-label") or control.get("aria-labelledby") or control.find_parent("label"):
        return True
    return bool(control.get("id")) and control["id"] in labels


def words(element: Element | None) -> str:
    """The text of an element, its white space as a reader sees it."""
    assert element is not None, "there is no such element"
    return " ".join(element.get_text(" ").split())


def error_at(soup: Element, name: str) -> str:
    """The sentence at the field called `name`; fails where there is none."""
    field = soup.select_one(f'[name="{name}"][aria-invalid=true], [data-field="{name}"] [aria-invalid=true]')
    assert field is not None, f"no error at {name}"
    said = [soup.select_one(f"#{part}") for part in str(field.get("aria-describedby", "")).split()]
    return " ".join(words(element) for element in said if element is not None)
