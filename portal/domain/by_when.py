"""Until when something is to be paid, in words that customers read (billing-rules 13)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portal.domain.wording import day as written
from portal.domain.wording import money

ZERO = Decimal(0)


class When(NamedTuple):
    """One line, and whether it is overdue."""

    words: str
    overdue: bool = False


def by_when(
    by_day: Mapping[date, Decimal], below_zero: Decimal, beyond_limit: Decimal, today: date, currency: str
) -> list["When"]:
    """What is overdue since when, and what is due when: a line each. `by_day` is what is left of charges by due day.

    Where one line says all of it, its amount goes without saying; nothing is said where nothing is to pay.
    """
    late = {on: left for on, left in by_day.items() if on < today}
    due = {on: left for on, left in by_day.items() if on >= today}
    lines = []
    if late and not due and not below_zero:
        return [When(f"Overdue since {written(min(late))}", True)]
    if len(due) == 1 and not late and not below_zero:
        return [When(f"Due by {written(min(due))}")]
    if late:
        lines.append(
            When(f"{money(sum(late.values(), ZERO), currency)} overdue since {written(min(late))}", True)
        )
    if due:
        first, last = min(due), max(due)
        lines.append(When(f"{money(due[first], currency)} due by {written(first)}"))
        if later := sum(due.values(), ZERO) - due[first]:
            lines.append(When(f"{money(later, currency)} due later, until {written(last)}"))
    if beyond_limit:
        lines.append(When(f"{money(beyond_limit, currency)} overdue: the balance is below its limit", True))
    if within := below_zero - beyond_limit:
        lines.append(When(f"{money(within, currency)} because the balance is below zero"))
    return lines
