"""Refusals whose text is fit to show to a person."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class WayOut:
    """What a person can do instead: a button's words, the route it leads to, and that route's values.

    `fields` are sent with a POST; without them the way out is a link.
    """

    label: str
    endpoint: str
    values: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


class RuleBroken(Exception):
    """A rule of the product stands against what was asked. Its text is a sentence with its reason."""

    def __init__(self, sentence: str, way_out: WayOut | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.way_out = way_out


class CannotDelete(RuleBroken):
    """Something may not be deleted, ended, released or archived (yet)."""


class NotAssignable(RuleBroken):
    """A package may not be assigned as asked."""


class Invalid(RuleBroken):
    """A value cannot be: which field, and why, in a sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = name
