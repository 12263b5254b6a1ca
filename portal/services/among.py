"""Whether something is one of many ids, as a statement asks that is written once.

`IN` names each id, so that a statement of five hundred is written, prepared and planned anew for each chunk. Here
they are one value: an array, or on SQLite a list in JSON.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Ids(TypeDecorator[Iterable[int]]):
    """Many ids as one value."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """An array where there are arrays."""
        return dialect.type_descriptor(ARRAY(BigInteger) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[int] | None, dialect: Dialect) -> Any:
        """The ids as a list, or as JSON."""
        ids = list(value or ())
        return ids if dialect.name == "postgresql" else json.dumps(ids)


class is_among(FunctionElement[bool]):
    """`is_among(column, IDS)`: whether the column is one of the ids that the statement is executed with."""

    type = Boolean()
    inherit_cache = True
    name = "is_among"


@compiles(is_among)
def _one_of_an_array(element: is_among, compiler: Any, **how: Any) -> str:
    column, ids = (compiler.process(part, **how) for part in element.clauses)
    return f"{column} = ANY ({ids})"


@compiles(is_among, "sqlite")
def _one_of_a_list(element: is_among, compiler: Any, **how: Any) -> str:
    column, ids = (compiler.process(part, **how) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"


IDS: Any = bindparam("ids", type_=Ids())


def among(column: Any, ids: Iterable[int]) -> ColumnElement[bool]:
    """Whether the column is one of these ids, where the statement is for them alone."""
    return is_among(column, bindparam(None, ids, type_=Ids()))
