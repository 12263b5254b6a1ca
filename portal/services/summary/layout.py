"""How a summary is laid out: page, print and PDF say the same blocks in the same order, with the same rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from portal.domain.schedule import ONE_DAY
from portal.domain.wording import span
from portal.models import EntrySource
from portal.services.charges.explaining import Explained
from portal.services.credit.statement import StatementLine

# A block is a template of its name among those of the summary, and a part of templates/summary/summary.typ.
BLOCKS = ("due", "parties", "sums", "charges", "assigned", "balance", "fine")
# What belongs to no package: charges by hand, opening items.
OTHER = "Other charges"


@dataclass(frozen=True, slots=True)
class Group:
    """The charges of one package, by day; those that belong to none have no `package`."""

    name: str
    lines: Sequence[Explained]
    package: bool = True

    @property
    def has_head(self) -> bool:
        """Whether a head says the name and the subtotal: one charge says its name itself."""
        return len(self.lines) > 1

    def named(self, line: Explained) -> str:
        """The name of a charge, empty where the head says it."""
        return "" if self.package and self.has_head else str(line.charge.label)

    @property
    def amount(self) -> Decimal:
        """The subtotal, before tax."""
        return sum((line.charge.amount for line in self.lines), Decimal(0))


def by_package(lines: Iterable[Explained]) -> list[Group]:
    """Charges by the name of what is charged, in the order in which each comes first; what has no package is last."""
    named: dict[str, list[Explained]] = {}
    others: list[Explained] = []
    for line in lines:
        of = named.setdefault(line.charge.label, []) if line.charge.assignment_id else others
        of.append(line)
    groups = [Group(name, some) for name, some in named.items()]
    return [*groups, Group(OTHER, others, package=False)] if others else groups


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the balance: an entry, or the calls of a week, which `days` lists. `for_day` where it is another day."""

    made_on: date
    for_day: date | None
    words: str
    amount: Decimal
    balance: Decimal
    days: Sequence[StatementLine] = ()
    payment_back_id: int | None = None


def by_week(lines: Sequence[StatementLine]) -> list[Entry]:
    """Entries as the summary has them: calls that stand one after the other are one row a week, Monday to Sunday."""
    rows: list[list[StatementLine]] = []
    for line in lines:
        if rows and _week(line) and _week(line) == _week(rows[-1][-1]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [_row(some) for some in rows]


def _week(line: StatementLine) -> tuple[str, date] | None:
    """The words and the Monday of what is told by the week; None of what is not."""
    if line.entry.source != EntrySource.CALLS:
        return None
    on = line.entry.for_day
    return line.words, on - timedelta(days=on.weekday())


def _row(lines: list[StatementLine]) -> Entry:
    last = lines[-1]
    if len(lines) == 1:
        made_on, for_day = last.entry.made_on, last.entry.for_day
        other = for_day if for_day != made_on else None
        back_id = last.entry.payment_back_id
        return Entry(made_on, other, last.words, last.entry.amount, last.balance, payment_back_id=back_id)
    of = [line.entry.for_day for line in lines]
    words = f"{last.words}, {span(min(of), max(of) + ONE_DAY)}"
    amount = sum((line.entry.amount for line in lines), Decimal(0))
    return Entry(last.entry.made_on, None, words, amount, last.balance, lines)
