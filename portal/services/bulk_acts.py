"""Acts on many things at once, kept so that each can be undone as a whole (billing-rules 16)."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import BulkAct, BulkActThing, BulkKind, Charge

# What the audit log calls an act on many things; its number is the act's.
SEVERAL = "several at once"


class LastDay(NamedTuple):
    """The last day that an assignment was given, and the one it had before."""

    given: date
    before: date | None


def record(
    kind: BulkKind,
    label: str,
    things: Mapping[int, "LastDay | None"],
    *,
    today: date,
    by: str,
    now: datetime,
) -> BulkAct | None:
    """Keep that something was done to these things, an ending with the last days; None where there are none."""
    if not things:
        return None
    act = BulkAct(
        kind=kind,
        label=label[:200],
        last_charge_id=db.session.scalar(select(func.max(Charge.id))),
        done_on=today,
        done_by=by,
        done_at=now,
        things=[_thing(id, last_day) for id, last_day in things.items()],
    )
    db.session.add(act)
    db.session.flush()
    return act


def _thing(id: int, last_day: LastDay | None) -> BulkActThing:
    given, before = last_day or (None, None)
    return BulkActThing(thing_id=id, last_day=given, last_day_before=before)


def of_thing(kind: BulkKind, thing_id: int) -> BulkAct | None:
    """The last act of a kind on a thing that can be undone."""
    query = select(BulkAct).join(BulkActThing).where(BulkAct.kind == kind, BulkActThing.thing_id == thing_id)
    return db.session.scalars(query.order_by(BulkAct.id.desc()).limit(1)).first()


def of_moment(kind: BulkKind, by: str, at: datetime) -> BulkAct | None:
    """The act of a kind that somebody has just done; None where there was nothing to do."""
    query = select(BulkAct).where(BulkAct.kind == kind, BulkAct.done_by == by, BulkAct.done_at == at)
    return db.session.scalars(query.order_by(BulkAct.id.desc()).limit(1)).first()


def that_can_be_undone(ids: Iterable[int]) -> set[int]:
    """Those of the acts of which something is not undone yet."""
    return set(
        db.session.scalars(select(BulkActThing.act_id).where(BulkActThing.act_id.in_(list(ids))).distinct())
    )
