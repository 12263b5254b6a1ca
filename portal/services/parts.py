"""Finding rows by any part of their texts, without reading every row.

migrations/parts.py indexes each three letters in a row of what is searched for. A text that holds a part has all the
part's own threes, and few others have: those are compared with the whole part. Fewer than three letters are in so many
texts that reading on in the order of the list finds a page sooner; so it is with threes that are in very many.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)

from portal.extensions import db
from portal.models import AccountCode, Contact, Customer, Did, Note, Package, Payment

LETTERS = 3
# Threes that are in more rows than this are no help (PostgreSQL estimates that itself).
MANY = 20_000
# The texts of each model that are indexed, as migrations/parts.py has them.
INDEXED: dict[Any, tuple[Any, ...]] = {
    Did: (Did.number,),
    Customer: (Customer.search_key, Customer.details_key),
    AccountCode: (AccountCode.search_key,),
    Contact: (Contact.search_key,),
    Note: (Note.search_key,),
    Package: (Package.search_key,),
    # However it is written: migrations/parts.py has it in small letters.
    Payment: (func.lower(Payment.bank_reference), Payment.reference_key),
}
# Behind every text that begins with another, in the order of code points.
LAST_LETTER = "\U0010ffff"


def holds(model: Any, *parts: str) -> ColumnElement[bool]:
    """Whether one of a row's texts holds a part; and so each of the parts."""
    each = (or_(*(text.contains(part, autoescape=True) for text in INDEXED[model])) for part in parts)
    return by_index(model, and_(*each), *parts)


def by_index(model: Any, condition: ColumnElement[bool], *parts: str) -> ColumnElement[bool]:
    """A condition that only rows fulfil whose texts hold these parts, with their index where that is of help."""
    threes = set().union(*map(threes_of, parts))
    if not threes:
        return condition
    if db.engine.dialect.name == "postgresql":
        return and_(_has_threes(model, threes), condition)
    rows: Select[int] = select(column("rowid")).select_from(_index(model)).where(_has_threes(model, threes))
    if db.session.execute(rows.offset(MANY).limit(1)).first():
        return condition
    return and_(model.id.in_(rows), condition)


def holds_number(part: str) -> ColumnElement[bool]:
    """Whether a DID's number holds a part. What begins with + stands at its start, where the index finds it."""
    if part.startswith("+"):
        return Did.number.between(part, part + "9" * 16)
    return holds(Did, part)


def threes_of(part: str) -> set[str]:
    """Each three letters in a row of a part."""
    return {part[n : n + LETTERS] for n in range(len(part) - LETTERS + 1)}


def with_threes(model: Any, threes: Collection[str], *columns: Any) -> Select[Any]:
    """The rows (or columns of them) whose texts have all these threes, read off the index as it has them, in no order.

    For a part that is in few rows or in very many alike, where some of them are enough.
    """
    query = select(*(columns or (model,)))
    if db.engine.dialect.name == "postgresql":
        return query.select_from(model).where(_has_threes(model, threes))
    index = _index(model)
    return query.select_from(index).join(model, model.id == index.c.rowid).where(_has_threes(model, threes))


def begins(text: Any, part: str) -> ColumnElement[bool]:
    """Whether a text that is sorted by code points begins with a part, as a span of its index."""
    return and_(text >= part, text < part + LAST_LETTER)


def _index(model: Any) -> Any:
    """SQLite's table of threes."""
    return table(f"part_{model.__tablename__}", column("rowid"))


def _has_threes(model: Any, threes: Collection[str]) -> ColumnElement[bool]:
    if db.engine.dialect.name == "postgresql":
        first, *others = INDEXED[model]
        for other in others:  # written as in the index, which is not taken otherwise
            first = first.concat(literal_column("' '")).concat(other)
        return func.parts_of(first).op("@>", is_comparison=True)(cast(sorted(threes), ARRAY(Text)))
    match = " AND ".join('"{}"'.format(three.replace('"', '""')) for three in sorted(threes))
    return literal_column(f"part_{model.__tablename__}").op("MATCH", is_comparison=True)(match)
