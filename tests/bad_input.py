"""What cannot be, for every kind of field: values that a form must refuse, or else keep as they are."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from unicodedata import normalize
from zlib import crc32

from flask import Flask

from portal.extensions import db
from tests.depth import tries
from tests.pages import Element, read, words

HUGE = 100_000
BEYOND = str(2**63)
# An emoji of several parts, words from right to left, an accent that combines, and Chinese; no white space.
LETTERS = "👩‍🚒שלוםe\u0301漢字"
# What is written whenever somebody asks for anything.
BOOKKEEPING = {"user_session", "sign_in_attempt", "audit_entry", "remembered_figure"}

# value, must it be refused? None is: leave the field out.
NUMBERS = ["NaN", "Infinity", "1e309", BEYOND, "9" * HUGE, "²", LETTERS]
DAYS = ["2026-02-30", "0001-01-01", "99999-01-01", "9" * HUGE, LETTERS]
CHOICES = ["nothing of the list", "-1", "²", BEYOND, "9" * HUGE]
IDS = ["x", "-1", "²", "0", BEYOND, str(2**63 - 1), "9" * 5000]
# What only looks filled in, with every kind of white space: a required field is empty with it.
TYPED = ("number", "date", "text", "email", "choice")
BLANKS = ["", " \t\u00a0\u2003\n"]
EMAILS = [
    "x" * HUGE,
    LETTERS,
    "ann",
    "=?utf-8?q?ann?=@acme.example",
    "ann@\u2615.example",
    "ann@acme.example\nBcc: x@y",
]
INTERNATIONAL = "info@käse.example"
VERSIONS = [None, "0", "x", "²", BEYOND, "9" * HUGE]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: what a browser would send for it."""

    name: str
    kind: str
    label: str = ""
    is_required: bool = False

    def cases(self) -> Iterator[tuple[Any, bool]]:
        """Values to try, each with whether it must be refused."""
        if self.kind != "version":
            yield None, self.is_required
        if self.kind not in ("file", "hidden", "tick", "version"):
            yield "a\0b", True
        listed = {
            "number": NUMBERS,
            "date": DAYS,
            "choice": CHOICES,
            "id": IDS,
            "email": EMAILS,
            "version": VERSIONS,
        }
        if self.kind in listed:
            yield from ((value, True) for value in listed[self.kind])
        if self.kind in ("number", "id"):
            yield "-1", self.kind == "id"
        if self.kind == "id":
            yield "", self.is_required
        if self.kind in TYPED:
            yield from ((value, self.is_required) for value in BLANKS)
        if self.kind == "email":
            yield INTERNATIONAL, False
        elif self.kind == "text":
            yield "x" * HUGE, True
            yield LETTERS, False
            yield "\u202e\u0301", False
        elif self.kind in ("tick", "hidden", "password"):
            yield LETTERS * (HUGE // 10), False


def some(cases: list[tuple[Any, bool]], whose: str) -> list[tuple[Any, bool]]:
    """What is left out or blank, and some of the others, other ones for each field: a third, and with --deep half."""
    step = tries(3, deep=2)
    begin = crc32(whose.encode()) % step
    blank = [case for case in cases if not case[0] or not case[0].strip()]
    return blank + [case for case in cases if case not in blank][begin::step]


@dataclass(slots=True)
class Form:
    """A form as a browser would send it."""

    action: str
    fields: dict[str, Field] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def form_on(soup: Element, element: Element) -> Form:
    """Read a form and its controls, also those that stand elsewhere and name it."""
    found = Form(str(element["action"]).partition("#")[0])
    inside = element.select("input, select, textarea")
    outside = soup.select(f'[form="{element["id"]}"]') if element.get("id") else []
    for control in [*inside, *outside]:
        name = control.get("name")
        if not name or name == "csrf_token" or control.name == "button":
            continue
        is_ours = control.get("form") in (None, element.get("id"))
        if is_ours and control.get("type") not in ("submit", "button"):
            _take(found, soup, control)
    return found


def _take(form: Form, soup: Element, control: Element) -> None:
    name = str(control["name"])
    form.fields.setdefault(
        name, Field(name, _kind(control), _label(soup, control), control.has_attr("required"))
    )
    type = control.get("type", "")
    if control.name == "select":
        chosen = control.select_one("option[selected]") or control.select_one("option")
        form.values.setdefault(name, chosen.get("value", "") if chosen else "")
    elif control.name == "textarea":
        form.values.setdefault(name, control.text)
    elif type in ("checkbox", "radio"):
        if control.has_attr("checked"):
            form.values.setdefault(name, control.get("value", "y"))
    elif type != "file":
        form.values.setdefault(name, control.get("value", ""))


def _kind(control: Element) -> str:
    name, type = str(control["name"]), control.get("type", "")
    if control.name == "select" or type == "radio":
        return "choice"
    if name == "ids" or (name.endswith("_id") and type == "hidden"):
        return "id"
    if name == "version":
        return "version"
    kinds = {
        "date": "date",
        "email": "email",
        "checkbox": "tick",
        "hidden": "hidden",
        "password": "password",
        "file": "file",
    }
    if kind := kinds.get(str(type)):
        return kind
    return "number" if control.get("inputmode") in ("numeric", "decimal") else "text"


def _label(soup: Element, control: Element) -> str:
    label = soup.select_one(f'label[for="{control["id"]}"]') if control.get("id") else None
    label = label or control.find_parent("label")
    return words(label) if label else str(control.get("aria-label", ""))


def first_and_last(fields: Iterable[Field]) -> list[Field]:
    """The fields; of those that are alike but for a number in their names, the first and the last."""
    alike: dict[str, list[Field]] = {}
    for one in fields:
        alike.setdefault(re.sub(r"(?<=_)\d+(?=_)", "", one.name), []).append(one)
    return [one for some in alike.values() for one in dict.fromkeys((some[0], some[-1]))]


def sentence_about(text: str, field: Field, word: str = "") -> str:
    """The sentence of an answer that names a field, or stands at it; empty where none does."""
    soup = read(text)
    at = soup.select_one(
        f'[name="{field.name}"][aria-invalid=true], [data-field="{field.name}"] [aria-invalid=true]'
    )
    if at is not None and at.get("type") == "radio":
        at = at.find_parent("fieldset")
    if at is not None:
        said = [soup.select_one(f"#{part}") for part in str(at.get("aria-describedby", "")).split()]
        if any(said):
            return " ".join(words(element) for element in said if element)
    all_said = " ".join(words(place) for place in sayings(soup))
    wanted = {field.label.casefold(), field.name.replace("_", " ").casefold()} - {""}
    # A form may name its fields by a word and a hyphen before their own name.
    wanted |= {field.name.rsplit("-", 1)[-1].replace("_", " ").casefold(), word} - {""}
    wanted |= {"somebody else", "meanwhile"} if field.kind == "version" else set()
    wanted |= {"selected", "choose"} if field.kind == "id" else set()
    wanted |= {"one-time token was missing"} if field.name == "token" else set()
    wanted |= {"date", "day"} if field.kind == "date" else set()
    return all_said if any(word in all_said.casefold() for word in wanted) else ""


def sayings(soup: Element) -> list[Element]:
    """Where a page or a part of one says what is wrong; all of a page that only says that."""
    found = soup.select("[role=alert], .field__error, .note, .toast")
    return found or ([] if soup.select("main form") else soup.select("main"))


def contents(app: Flask) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a digest of them; without what is written for whoever asks."""
    found = {}
    with app.app_context(), db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            if table.name not in BOOKKEEPING:
                rows = connection.exec_driver_sql(f'SELECT * FROM "{table.name}"').all()
                text = "\n".join(sorted(map(repr, rows)))
                found[table.name] = (len(rows), sha256(text.encode("utf-8", "replace")).hexdigest())
    return found


def visible(text: str) -> str:
    """What can be seen of a text: names of people are kept without joiners and marks of direction."""
    return "".join(letter for letter in normalize("NFC", text) if letter.isprintable())


def is_stored(app: Flask, text: str) -> bool:
    """Whether a text stands in the database as it was typed, its accents composed or not."""
    with app.app_context(), db.engine.connect() as connection:
        return any(
            isinstance(value, str) and visible(text) in visible(value)
            for table in db.metadata.sorted_tables
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table.name}"')
            for value in row
        )


def shown(value: Any) -> str:
    """A value, short enough for a message."""
    text = "left out" if value is None else repr(value)
    return text if len(text) < 60 else f"{text[:20]}… ({len(value):,} letters)"
