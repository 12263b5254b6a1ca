"""Whether something is one of many ids, texts or days, as a statement asks that is written once.

`IN` names each id, so that a statement of five hundred is written, prepared and planned anew for each chunk. Here
they are one value: an array, or on SQLite a list in JSON.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, Dialect, String, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Many(TypeDecorator[Iterable[Any]]):
    """Many values as one."""

    impl = Text
    cache_ok = True
    of: ClassVar[type[TypeEngine[Any]]]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array where there are arrays."""
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """The values as a list, or as JSON."""
        values = list(value or ())
        return values if dialect.name == "postgresql" else json.dumps(values, default=str)


class Ids(Many):
    """Many ids."""

    cache_ok = True
    of = BigInteger

    def bind_processor(self, dialect: Dialect) -> Callable[[Iterable[int] | None], str]:
        """The ids as PostgreSQL writes an array of them, or as JSON: a driver would look at each by itself."""
        whole = "{%s}" if dialect.name == "postgresql" else "[%s]"
        return lambda ids: whole % ",".join(map(str, ids or ()))


class Texts(Many):
    """Many texts."""

    cache_ok = True
    of = Text


class Days(Many):
    """Many days: SQLite keeps a day as it is written."""

    cache_ok = True
    of = Date


class is_among(FunctionElement[bool]):
    """`is_among(column, IDS)`: whether the column is one of the ids that the statement is executed with."""

    type = Boolean()
    inherit_cache = True
    name = "is_among"
    # How PostgreSQL is asked; SQLite is always asked alike.
    of_array: ClassVar[str] = "{column} = ANY ({ids})"

    def self_group(self, against: Any = None) -> Any:
        """Itself: on SQLite a condition would be written `... = 1`, and no index is asked for that."""
        return self


@compiles(is_among)
def _one_of_an_array(element: is_among, compiler: Any, **how: Any) -> str:
    column, ids = (compiler.process(part, **how) for part in element.clauses)
    return element.of_array.format(column=column, ids=ids)


@compiles(is_among, "sqlite")
def _one_of_a_list(element: is_among, compiler: Any, **how: Any) -> str:
    column, ids = (compiler.process(part, **how) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"


class is_found_among(is_among):
    """The same, for an index to find them by. PostgreSQL then plans without weighing each of very many ids; looking at
    one row after the other, it would compare each with all of them.
    """

    inherit_cache = True
    of_array = "{column} = ANY (ARRAY(SELECT unnest({ids})))"


class is_one_of(is_among):
    """The same, for rows that are looked at one after the other, where other conditions would do as well (OR)."""

    inherit_cache = True
    of_array = "{column} IN (SELECT unnest({ids}))"


class is_among_too(is_among):
    """The same of a column that is joined to one of which it is said: without, PostgreSQL reads all of its table for a
    few thousand rows. SQLite does not have to be told."""

    inherit_cache = True


@compiles(is_among_too, "sqlite")
def _goes_without_saying(element: is_among_too, compiler: Any, **how: Any) -> str:
    return "true"


IDS: Any = bindparam("ids", type_=Ids())


def among(column: Any, values: Iterable[Any], asked: type[is_among] = is_among) -> ColumnElement[bool]:
    """Whether the column is one of these ids, texts or days, where the statement is for them alone; `asked` so."""
    many = Texts() if isinstance(column.type, String) else Days() if isinstance(column.type, Date) else Ids()
    return asked(column, bindparam(None, values, type_=many))
