"""Where charges come from: the sentences of many at once, with a handful of statements."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal.domain.explaining import ChargeFacts, CorrectedBack, Origin, explain, origin
from portal.domain.terms import Terms
from portal.extensions import db
from portal.models import Charge, Correction
from portal.services.billing.loading import terms_of

log = logging.getLogger("portal.billing")


@dataclass(frozen=True, slots=True)
class Explained:
    """A charge with what it says of itself."""

    charge: Any
    why: str


def explained(charges: Sequence[Any]) -> list[Explained]:
    """Charges, posted, simulated or planned, each with its sentence, in the order given."""
    terms = terms_of(sorted({charge.assignment_id for charge in charges if charge.assignment_id}))
    originals, said = _originals(charges), _said(charges)
    return [Explained(charge, _sentence(charge, terms, originals, said)) for charge in charges]


def explain_all(charges: Iterable[Charge]) -> dict[int, str]:
    """The sentences of posted charges, by their ids."""
    return {told.charge.id: told.why for told in explained(list(charges))}


def origin_of(charge: Charge) -> Origin | None:
    """The terms that a posted charge stands on; None for one that stands on none, or whose terms are lost."""
    if charge.assignment_id is None:
        return None
    terms = terms_of([charge.assignment_id]).get(charge.assignment_id)
    return origin(charge, terms) if terms else None


def _sentence(
    charge: Any, terms: dict[int, Terms], originals: dict[int, ChargeFacts], said: dict[int, CorrectedBack]
) -> str:
    original = originals.get(getattr(charge, "reverses_id", None) or 0)
    corrected = said.get(getattr(charge, "correction_id", None) or 0)
    try:
        return explain(charge, terms.get(charge.assignment_id), original, corrected)
    except Exception:  # terms that cannot be explain no charge, and hide none
        log.exception("Charge of assignment %s cannot be explained by its terms", charge.assignment_id)
        return explain(charge, None, original, corrected)


def _said(charges: Sequence[Any]) -> dict[int, CorrectedBack]:
    """What is said of the corrections back to a day that posted some of these, by their ids."""
    ids = {id for charge in charges if (id := getattr(charge, "correction_id", None))}
    if not ids:
        return {}
    of_tax = Correction.customer_id.is_not(None)
    query = select(Correction.id, Correction.sentence, of_tax).where(Correction.id.in_(ids))
    return {id: CorrectedBack(sentence, is_of_tax) for id, sentence, is_of_tax in db.session.execute(query)}


def _originals(charges: Sequence[Any]) -> dict[int, ChargeFacts]:
    """The charges that reversals among these take back, by their ids."""
    ids = {id for charge in charges if (id := getattr(charge, "reverses_id", None))}
    if not ids:
        return {}
    return {charge.id: charge for charge in db.session.scalars(select(Charge).where(Charge.id.in_(ids)))}
