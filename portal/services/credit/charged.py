"""What a customer was charged over a span of days, added up, and what these charges are to their account.

Of a customer who has very many charges they are kept added up by the day they bear: then, too, nothing that a page says
is read charge by charge. They are kept up to the mark of portal.services.charges.sums, which moves it on; charges after
it are added up with them, in the one statement that asks.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
)

from portal.domain.due import Kind
from portal.domain.money import from_micros
from portal.extensions import db
from portal.models import Charge, ChargeMark, CustomerSum, Part
from portal.models.raw_tables import DUE, raw_table
from portal.services.credit.items import FIRST_DUE_ON, IS_ITEM, OF_A_DISCOUNT, TOTAL, posted_late, start_of
from portal.services.credit.kept import to_add_up

# Whoever has so many among the charges that are passed at once is kept from then on.
KEPT_FROM = 500
# So many charges of everybody's after the mark are looked through for those of one who is kept.
FEW = 2_000
SUM = raw_table(CustomerSum)
ZERO = Decimal(0)
# The charges that are to be paid (items.IS_ITEM); what was charged, less what was undone of it; what was given so.
ITEMS = (Part.ITEM, Part.RETURNED, Part.UNDONE_DISCOUNT, Part.UNDONE_CREDIT)
CHARGED = (Part.ITEM, Part.UNDONE)
GIVEN = (Part.DISCOUNT, Part.RETURNED, Part.UNDONE_DISCOUNT)
UNDONE = (Part.UNDONE, Part.UNDONE_DISCOUNT, Part.UNDONE_CREDIT, Part.UNDONE_BALANCE)

_IS_UNDO, _NAMES_NO_ITEM = Charge.kind == Kind.UNDO, or_(Charge.corrects_id.is_(None), OF_A_DISCOUNT)


def _word(part: Part) -> Any:
    return literal_column(f"'{part.value}'")


# Each charge is one of these. What undoes another bears its day, and has the part that takes that out of a sum.
_PART = case(
    (Charge.writes_off_id.is_not(None), _word(Part.WRITTEN_OFF)),
    (and_(Charge.auto_decrement_credit, _IS_UNDO), _word(Part.UNDONE_BALANCE)),
    (Charge.auto_decrement_credit, _word(Part.BALANCE)),
    (and_(_IS_UNDO, TOTAL < 0), _word(Part.UNDONE)),
    (and_(_IS_UNDO, _NAMES_NO_ITEM), _word(Part.UNDONE_DISCOUNT)),
    (_IS_UNDO, _word(Part.UNDONE_CREDIT)),
    (and_(TOTAL > 0, Charge.reverses_id.is_(None)), _word(Part.ITEM)),
    (TOTAL > 0, _word(Part.RETURNED)),
    (and_(TOTAL < 0, Charge.reverses_id.is_(None), _NAMES_NO_ITEM), _word(Part.DISCOUNT)),
    else_=_word(Part.OTHER),
)
_WHOSE = (Charge.customer_id, Charge.charge_on)
# The day a charge bears, where no index is to be gone through by it.
_SOME_DAY = func.coalesce(Charge.charge_on, Charge.charge_on)
_ALIKE = (
    Charge.currency,
    func.coalesce(Charge.package_id, literal_column("0")).label("package_id"),
    type_coerce(Charge.tax_rate, BigInteger).label("tax_rate"),
    _PART.label("part"),
    Charge.opening_number.is_not(None).label("is_outside"),
)
_FIGURES = (
    func.sum(type_coerce(Charge.amount, BigInteger)).label("amount"),
    func.sum(type_coerce(Charge.tax, BigInteger)).label("tax"),
    func.count().label("charges"),
)
# Neither is a charge that comes to nothing.
_IS_SOMETHING = or_(Charge.amount != 0, Charge.tax != 0)


class Alike(NamedTuple):
    """Charges of one currency, package (0: by hand), tax rate and part, added up. `is_outside`: of opening items."""

    currency: str
    package_id: int
    tax_rate: Decimal
    part: Part
    is_outside: bool
    amount: Decimal
    tax: Decimal
    charges: int


def charged(customer_id: int, begins: date, through: date) -> list[Alike]:
    """What a customer was charged with a date from a day to a day, both included."""
    few = few_after(customer_id)
    asked = {"customer_id": customer_id, "begins": begins, "through": through}
    asked |= {} if few is None else {"few": few}
    return [
        Alike(
            currency, package_id, from_micros(int(rate)), Part(part), bool(is_outside), from_micros(int(amount)),
            from_micros(int(tax)), int(number),
        )
        for currency, package_id, rate, part, is_outside, amount, tax, number in db.session.execute(
            _charged(few is not None), asked
        )
    ]  # fmt: skip


@cache
def _charged(is_few: bool) -> Select[Any]:
    """Of :customer_id, from :begins to :through; where it `is_few` that are not kept, those after :few. Put together
    once: that takes longer than asking."""
    customer_id, begins, through = (
        bindparam(name, type_=type)
        for name, type in (("customer_id", BigInteger), ("begins", Date), ("through", Date))
    )
    kept = select(*(SUM.c[column.key] for column in (*_ALIKE, *_FIGURES)))
    kept = kept.where(SUM.c.customer_id == customer_id, SUM.c.charge_on.between(begins, through))
    which, on = not_kept(customer_id, bindparam("few", type_=BigInteger) if is_few else None)
    others = select(*_ALIKE, *_FIGURES).where(_IS_SOMETHING, which, on.between(begins, through))
    others = others.group_by(*_ALIKE)
    all_ = union_all(kept, others).subquery()
    alike = [all_.c[column.key] for column in _ALIKE]
    return select(*alike, *(func.sum(all_.c[column.key]) for column in _FIGURES)).group_by(*alike)


def not_kept(customer_id: Any, few: Any) -> tuple[ColumnElement[bool], Any]:
    """Which charges of a customer are not kept added up, and the day they bear: with what is kept in one statement, for
    then both are of one moment."""
    is_kept = select(CustomerSum.id).where(CustomerSum.customer_id == customer_id).exists()
    mark = select(ChargeMark.through_id).where(is_kept).scalar_subquery()
    after = Charge.id > func.coalesce(mark, 0)
    if few is None:
        return and_(Charge.customer_id == customer_id, after), Charge.charge_on
    # By the ids alone: by the customer, or by the day, very many others would be gone through.
    others = and_(Charge.customer_id + 0 == customer_id, after, Charge.id > few)
    return others, _SOME_DAY


def few_after(customer_id: int) -> int | None:
    """A charge up to which they are kept, of a customer who is, where few stand after it; asked once for a page."""
    known = db.session().info.setdefault("charges kept", {})
    if customer_id not in known:
        last = select(func.max(Charge.id)).scalar_subquery()
        is_kept = select(CustomerSum.id).where(CustomerSum.customer_id == customer_id).exists()
        row = db.session.execute(select(ChargeMark.through_id, last).where(is_kept)).first()
        known[customer_id] = row[0] if row and row[1] - row[0] <= FEW else None
    found: int | None = known[customer_id]
    return found


def posted_since(customer_id: int, day: date) -> Decimal:
    """What a customer's charges that are to be paid come to with tax, dated before a day and posted on it or after."""
    begins = start_of(day)
    days = select(SUM.c.charge_on).where(
        SUM.c.customer_id == customer_id, SUM.c.charge_on < day, SUM.c.posted_at >= begins
    )
    mark = select(ChargeMark.through_id).scalar_subquery()
    # By customer and these few days: neither by the ids, nor by all days before.
    kept = and_(Charge.customer_id == customer_id, Charge.charge_on.in_(days), Charge.id + 0 <= mark)
    each = (
        select(TOTAL.label("total")).where(which, *posted_late(day, on))
        for which, on in ((kept, _SOME_DAY), not_kept(customer_id, few_after(customer_id)))
    )
    return Decimal(
        db.session.scalar(select(func.coalesce(func.sum(union_all(*each).subquery().c.total), 0))) or 0
    )


def total(rows: Iterable[Alike], *parts: Part) -> Decimal:
    """What those that have one of these parts come to, with tax."""
    return sum((row.amount + row.tax for row in rows if row.part in parts), ZERO)


def keep(after: int, until: int) -> None:
    """Add up the charges with ids after one up to another."""
    for which in to_add_up(Charge, CustomerSum, KEPT_FROM, after, until):
        _insert(which)


def _insert(*which: Any) -> None:
    by = (*_WHOSE, *_ALIKE)
    sums = (*_FIGURES, func.max(Charge.posted_at).label("posted_at"))
    rows = select(*by, *sums).where(_IS_SOMETHING, *which).group_by(*by)
    db.session.execute(insert(SUM).from_select([column.key for column in (*by, *sums)], rows))
    to_pay = func.sum(type_coerce(TOTAL, BigInteger))
    rows = select(*_WHOSE, FIRST_DUE_ON, to_pay).where(IS_ITEM, *which).group_by(*_WHOSE, FIRST_DUE_ON)
    db.session.execute(insert(DUE).from_select(["customer_id", "counts_on", "due_on", "amount"], rows))
