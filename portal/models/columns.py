"""Column types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC as UTC_ZONE
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.types import TypeDecorator, TypeEngine

# SQLite counts rows up by itself only in a column declared INTEGER.
PK = BigInteger().with_variant(Integer, "sqlite")
# What names are compared, searched and sorted by: letter by letter, not as the database's own language would.
KEY = Text().with_variant(Text(collation="C"), "postgresql")


def code(length: int) -> String:
    """A text that is sorted letter by letter as KEY is: ids of other systems, digits."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Money(TypeDecorator[Decimal]):
    """An exact decimal kept as an integer of millionths, so that both databases add it up exactly.

    Only `sum`, `coalesce` and comparisons are right in SQL; multiply and divide in Python.
    """

    impl = BigInteger
    cache_ok = True
    SCALE = 1_000_000

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """Millionths of `value`. ValueError where it has more than six decimal places."""
        if value is None:
            return None
        scaled = value * self.SCALE
        whole = int(scaled)
        if scaled != whole:
            raise ValueError(f"{value} has more than six decimal places")
        return whole

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """The decimal that the stored millionths stand for."""
        return None if value is None else Decimal(int(value)) / self.SCALE


class UTC(TypeDecorator[datetime]):
    """An instant, always with its zone: SQLite would give it back without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant in UTC. ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        return value.astimezone(UTC_ZONE)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant, in UTC."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC_ZONE)


class Days(TypeDecorator[tuple[int, ...]]):
    """Match days, ascending, kept as `15,31`; none at all as an empty text."""

    impl = String(100)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The days joined by commas."""
        return None if value is None else ",".join(str(day) for day in sorted(set(value)))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[int, ...]:
        """The days as a tuple."""
        return tuple(int(day) for day in value.split(",")) if value else ()


def word(enum: type, name: str, length: int = 20, *, check: bool = True) -> TypeEngine[Any]:
    """A column that holds one of an enum's values as text, with a CHECK that it is one of them unless told not to."""
    return SqlEnum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=check,
        length=length,
        values_callable=lambda members: [member.value for member in members],
    )
