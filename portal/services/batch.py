"""An act on many things: it is done for those that allow it; each other one stays as it is, with its reason."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Done = TypeVar("Done")
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Refused(Generic[Thing]):
    """A thing that stays as it is, and why, as a sentence."""

    thing: Thing
    reason: str


@dataclass(slots=True)
class Batch(Generic[Done, Thing]):
    """What came of an act on many, or would come of it: `done` is what it makes or changes."""

    done: list[Done] = field(default_factory=list)
    refused: list[Refused[Thing]] = field(default_factory=list)
