"""What a cell of a list carries: the classes of its column, and its label. A page has thousands of cells: a macro would
take longer over them than over all else."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

# What a column's `use` (templates/_table.html) is in CSS.
USES = {
    "name": "lead", "phone": "lead nowrap", "number": "number nowrap", "text": "text", "long": "text long",
    "words": "text words", "word": "word", "money": "num money", "sum": "num coded", "count": "num count",
    "day": "when nowrap", "date": "when date", "days": "period", "moment": "moment nowrap", "mark": "marks",
}  # fmt: skip


def cell_classes(column: Mapping[str, Any], more: str = "") -> str:
    """The classes of a column's cells, and some more."""
    return _classes(column["use"], column.get("at", 1), column.get("narrow"), more or "")


def cell_attributes(column: Mapping[str, Any], more: str = "", blank: Any = False) -> Markup:
    """What a cell of the column carries: <td{{ at(c.margin, "loss") }}>. Blank: no place in rows of two lines."""
    classes = _classes(column["use"], column.get("at", 1), column.get("narrow"), more or "")
    return _attributes(classes, column["label"], bool(blank))


def second_line(facts: Sequence[tuple[Mapping[str, Any], Any]]) -> Markup:
    """Below the name: what a narrower window has no column for. Nothing of a column that says nothing."""
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


@lru_cache(maxsize=4_096)
def _classes(use: str, at: int, narrow: str | None, more: str) -> str:
    goes = f" p{at}" if at > 1 else ""
    kept = f" {narrow}" if narrow is not None else ""
    return f"{USES[use]}{goes}{kept}{' ' + more if more else ''}"


@lru_cache(maxsize=4_096)
def _attributes(classes: str, label: str, blank: bool) -> Markup:
    return Markup(f' class="{escape(classes)}{" blank" if blank else ""}" data-label="{escape(label)}"')
