"""Acts on many things at once, kept so that each can be undone as a whole (billing-rules 16)."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import BulkAct, BulkActThing, BulkKind, Charge


def record(
    kind: BulkKind,
    label: str,
    things: Mapping[int, date | None],
    *,
    today: date,
    by: str,
    now: datetime,
    end_date: date | None = None,
) -> BulkAct | None:
    """Keep that something was done to these things, each with the last day it had before; None where there are none."""
    if not things:
        return None
    act = BulkAct(
        kind=kind,
        label=label[:200],
        end_date=end_date,
        last_charge_id=db.session.scalar(select(func.max(Charge.id))),
        done_on=today,
        done_by=by,
        done_at=now,
        things=[BulkActThing(thing_id=id, end_date=before) for id, before in things.items()],
    )
    db.session.add(act)
    db.session.flush()
    return act


def of_thing(kind: BulkKind, thing_id: int) -> BulkAct | None:
    """The last act of a kind on a thing that can be undone."""
    query = select(BulkAct).join(BulkActThing).where(BulkAct.kind == kind, BulkActThing.thing_id == thing_id)
    return db.session.scalars(query.order_by(BulkAct.id.desc()).limit(1)).first()


def that_can_be_undone(ids: Iterable[int]) -> set[int]:
    """Those of the acts of which something is not undone yet."""
    return set(
        db.session.scalars(select(BulkActThing.act_id).where(BulkActThing.act_id.in_(list(ids))).distinct())
    )
