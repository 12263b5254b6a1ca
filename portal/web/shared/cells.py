"""What the cells of a list carry: a page has hundreds, so it is said in Python, and templates/_table.html hands it on.

A list's columns are declared once, in NOUN/_columns.html (_table.html says what stands in one).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

Column = Mapping[str, Any]
# What a column holds, and the classes of its cells.
USES = {
    "name": "lead",
    "phone": "lead nowrap",
    "number": "number nowrap",
    "text": "text",
    "long": "text long",
    "words": "text words",
    "word": "word",
    "money": "num money",
    "sum": "num coded",
    "count": "num count",
    "day": "when nowrap",
    "date": "when date",
    "days": "period",
    "moment": "moment nowrap",
    "mark": "marks",
}


def classes_of(column: Column, more: str = "") -> Markup:
    """The classes of a column's cells, and of its head."""
    place = column.get("at", 1)
    parts = (USES[column["use"]], f"p{place}" if place > 1 else "", column.get("narrow", ""), more)
    return escape(" ".join(filter(None, parts)))


def cell(column: Column, more: str = "", blank: bool = False) -> Markup:
    """What a cell of a column carries; a blank one leaves no place where rows have two lines."""
    classes = classes_of(column, more)
    return Markup(f' class="{classes}{" blank" if blank else ""}" data-label="{escape(column["label"])}"')


def second_line(facts: Sequence[tuple[Column, Any]]) -> Markup:
    """Below the name: what a narrower window has no column for. Nothing is said of a column where it says nothing."""
    some = sorted((fact for fact in facts if fact[1]), key=lambda fact: fact[0]["at"], reverse=True)
    if not some:
        return Markup("")
    told = (
        f'<span class="t{column["at"]}">{escape(_within(column["label"]))} {escape(words)}</span>'
        for column, words in some
    )
    return Markup(f' <small class="then">{"".join(told)}</small>')


def _within(label: str) -> str:
    """A label inside a line: in small letters, unless it is an abbreviation."""
    return label if label[1:2] == label[1:2].upper() else label.lower()
