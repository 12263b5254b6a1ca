"""What stands posted of assignments since a day: periods, setup and one-off, and the charges that corrections name."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import BigInteger, func, select, type_coerce
from sqlalchemy.orm import aliased

from portal.domain.correcting import Stands
from portal.domain.due import Kind, Posted
from portal.domain.schedule import ONE_DAY
from portal.domain.terms import in_force
from portal.extensions import db
from portal.models import Charge, is_undone
from portal.services.billing.loading import Loaded, Root, add_posted_since

ONCE = (Kind.SETUP, Kind.ONE_OFF)


@dataclass(slots=True)
class Standing:
    """What stands of one assignment, and the charge of each period or kind that corrections of it name."""

    loaded: Loaded
    once: dict[Kind, Posted] = field(default_factory=dict)
    once_roots: dict[Kind, Root] = field(default_factory=dict)
    numbers: dict[date, int] = field(default_factory=dict)

    @property
    def stands(self) -> Stands:
        """The same as the engine takes it."""
        return Stands(self.loaded.posted, self.once, self.numbers)

    def root(self, kind: Kind, period_from: date) -> Root | None:
        """The charge that a correction names; None where it came to nothing and was not posted."""
        return self.once_roots.get(kind) if kind in ONCE else self.loaded.roots.get(period_from)


def standing_since(loaded: Sequence[Loaded], day: date, today: date) -> dict[int, Standing]:
    """What stands of these assignments since a day, by their ids."""
    found = {item.facts.assignment_id: Standing(item) for item in loaded}
    add_posted_since(list(loaded), day, today + ONE_DAY)
    _add_once(found, day)
    query = (
        select(Charge.assignment_id, Charge.period_from, func.max(Charge.number))
        .where(Charge.assignment_id.in_(found), Charge.period_from >= day)
        .where(Charge.kind.in_((Kind.CREDIT, Kind.DIFFERENCE)))
        .group_by(Charge.assignment_id, Charge.period_from)
    )
    for id, begins, number in db.session.execute(query):
        if id is not None:
            found[id].numbers[begins] = number
    return found


def _add_once(found: dict[int, Standing], day: date) -> None:
    """Setup and one-off are charged for the start date: those that start on the day or after it."""
    ids = [id for id, item in found.items() if item.loaded.terms.start_date >= day]
    if not ids:
        return
    reversal, root = aliased(Charge), aliased(Charge)
    kind_of = func.coalesce(root.kind, Charge.kind)
    query = (
        select(
            Charge.assignment_id,
            Charge.id,
            Charge.corrects_id,
            Charge.auto_decrement_credit,
            type_coerce(kind_of, Charge.kind.type).label("kind"),
            type_coerce(Charge.amount, BigInteger).label("amount"),
            type_coerce(Charge.cost, BigInteger).label("cost"),
            type_coerce(Charge.tax, BigInteger).label("tax"),
            type_coerce(Charge.tax_rate, BigInteger).label("rate"),
            select(reversal.id).where(reversal.reverses_id == Charge.id).exists().label("is_reversed"),
        )
        .outerjoin(root, root.id == Charge.corrects_id)
        .where(Charge.assignment_id.in_(ids), kind_of.in_(ONCE), Charge.reverses_id.is_(None))
        .where(Charge.kind.in_((*ONCE, Kind.CREDIT, Kind.DIFFERENCE)), ~is_undone())
        .order_by(Charge.id)
    )
    posted: dict[tuple[int, Kind], Posted] = defaultdict(Posted)
    for row in db.session.execute(query):
        key = row.assignment_id, Kind(row.kind)
        stands = posted[key]
        if row.corrects_id is None:
            found[row.assignment_id].once_roots[key[1]] = Root(row.id, row.auto_decrement_credit)
            stands = stands._replace(reversed=row.is_reversed)
        posted[key] = stands._replace(
            amount=stands.amount + row.amount,
            cost=stands.cost + row.cost,
            tax=stands.tax + row.tax,
            tax_rate=row.rate,
        )
    for (id, kind), stands in posted.items():
        item = found[id].loaded
        if item.rates_corrected:
            stands = stands._replace(tax_rate=in_force(item.terms.tax_rates, item.terms.start_date))
        found[id].once[kind] = stands
