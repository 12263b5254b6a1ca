"""What is found: one hit of any kind, and the hits of a kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from portal.domain.searching import Rank

# So many of a kind are shown.
SHOWN = 6
# So many are looked at, to show the best of them: more fit only what is too short to say what is meant.
LOOKED_AT = 100


class Kind(StrEnum):
    """What a hit is, in the order in which kinds stand."""

    CUSTOMER = "customer"
    DID = "did"
    PACKAGE = "package"
    CHARGE = "charge"
    PAYMENT = "payment"
    PAYMENT_BACK = "payment_back"
    RUN = "run"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found: its name, why it fits, and what is known of it at once, in a few words each."""

    kind: Kind
    id: int
    name: str
    rank: Rank
    why: str
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found of a kind, the best first; `more` where there are more than are here."""

    kind: Kind
    rows: tuple[Hit, ...] = ()
    more: bool = False

    @property
    def rank(self) -> Rank:
        """How well the best of them fits."""
        return min((hit.rank for hit in self.rows), default=Rank.WITHIN)


def best(kind: Kind, rows: Iterable[Hit], more: bool = False) -> Hits:
    """The first SHOWN of what is in order already."""
    found = tuple(rows)
    return Hits(kind, found[:SHOWN], more or len(found) > SHOWN)
