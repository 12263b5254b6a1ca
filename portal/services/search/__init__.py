"""One search over everything: customers, DIDs, packages, charges, payments, runs, notes, and what can be done.

Each kind is found by an index, however much there is (tests/services/search/test_plans.py holds it), a handful of each;
what is known of the hits is asked for all of them together. What was typed is read by portal.domain.searching.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from portal.database import plan_each_anew
from portal.domain.searching import Act, MeantAct, Rank, Typed, acts_meant, read
from portal.extensions import db
from portal.models import Customer
from portal.services.search.charges import find_charges
from portal.services.search.customers import find_customers, fitting
from portal.services.search.dids import find_dids, number_parts
from portal.services.search.hits import Hit, Hits, Kind
from portal.services.search.notes import find_notes
from portal.services.search.packages import find_packages
from portal.services.search.payments import find_payments, find_payments_back
from portal.services.search.runs import find_runs

__all__ = ["Act", "Found", "Hit", "Hits", "Kind", "OfferedAct", "search"]

# An act is offered for so many customers.
OFFERED = 3


@dataclass(frozen=True, slots=True)
class OfferedAct:
    """An act that was typed, for a customer, or for nobody; `more` where more customers are meant than are offered.

    `needs_customer`: it cannot be begun yet, as nobody was named.
    """

    act: Act
    customer: Customer | None = None
    needs_customer: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found: kinds, the one that fits best before the others, and acts.

    `acts_first` where an act was typed in whole words, and nothing is called just so.
    """

    typed: Typed
    kinds: Sequence[Hits] = ()
    acts: Sequence[OfferedAct] = ()
    acts_first: bool = False


def search(text: str, today: date, acts: Collection[str] = ()) -> Found:
    """All that a text can mean; of acts only those that are named in `acts`."""
    typed = read(text)
    if not typed.text:
        return Found(typed)
    plan_each_anew(db.session.connection())
    numbers = number_parts(typed)
    found = (
        find_customers(typed, numbers),
        find_dids(numbers, today),
        find_packages(typed, today),
        find_charges(typed),
        find_payments(typed),
        find_payments_back(typed),
        find_runs(typed),
        find_notes(typed),
    )
    kinds = sorted((hits for hits in found if hits.rows), key=lambda hits: hits.rank)
    meant = [one for one in acts_meant(typed.words) if one.act.name in acts]
    offered = _offered(meant)
    is_exact = any(hits.rank == Rank.EXACT for hits in kinds)
    first = any(one.is_named for one in meant) and bool(offered) and not is_exact
    return Found(typed, kinds, offered, first)


def _offered(meant: Sequence[MeantAct]) -> list[OfferedAct]:
    """Acts with the customers that the words behind them name; customers are looked for once for the same words."""
    offered: list[OfferedAct] = []
    whom = {of: fitting(read(" ".join(of))) if of else ([], False) for of in {one.of for one in meant}}
    for one in sorted(meant, key=lambda one: not one.is_named):
        if not one.of:
            offered.append(OfferedAct(one.act, needs_customer=one.act.needs_customer))
        fits, more = whom[one.of]
        active = [fit.customer for fit in fits if not fit.is_archived]
        offered += [
            OfferedAct(one.act, customer, more=more or len(active) > OFFERED) for customer in active[:OFFERED]
        ]
    return offered
