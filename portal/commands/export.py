"""Write a list into a file, for whoever moves out or works on elsewhere: `portal export charges --to charges.xlsx`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portal import private
from portal.commands import CALLED, DAY, with_app
from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
from portal.domain.wording import listed, money_in, plural

if TYPE_CHECKING:
    from portal.models import Customer
    from portal.services.exports.table import Table

FORMS = (".csv", ".xlsx")
AHEAD = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a list is asked for; what was not said is None."""

    customer: "Customer | None"
    begins: date | None
    through: date | None
    state: str | None
    currency: str | None
    by: str | None
    today: date


def _packages(asked: Asked) -> "Table":
    from portal.services.exports.packages import packages
    from portal.services.packages import catalogue

    state = _one_of(asked.state, catalogue.STATES)
    query = catalogue.find_packages(asked.today, state=state, currency=asked.currency or "")
    return packages(query, catalogue.SORTS["name"], asked.today)


def _customers(asked: Asked) -> "Table":
    from portal.services.customers import customers as all_of
    from portal.services.exports.customers import customers

    query = all_of.find_customers(state=_one_of(asked.state, all_of.STATES), currency=asked.currency or "")
    return customers(query, all_of.SORTS["name"], asked.today)


def _dids(asked: Asked) -> "Table":
    from portal.services.dids import dids as all_of
    from portal.services.exports.dids import dids

    of = asked.customer.id if asked.customer else None
    query = all_of.find_dids(asked.today, state=_one_of(asked.state, all_of.STATES), customer_id=of)
    return dids(query, all_of.SORTS["number"], asked.today)


def _assignments(asked: Asked) -> "Table":
    from portal.services.assignments.lists import STATES, find_assignments
    from portal.services.exports.assignments import assignments
    from portal.services.packages.history import HOLDERS

    query = find_assignments(asked.customer, _one_of(asked.state, STATES), asked.today)
    return assignments(query, HOLDERS, asked.today)


def _charges(asked: Asked) -> "Table":
    from portal.services.exports.charges import charges

    return charges(_asked_of_charges(asked), "date")


def _accounts(asked: Asked) -> "Table":
    from portal.services.exports.charges import for_accounts

    return for_accounts(_asked_of_charges(asked), "date")


def _asked_of_charges(asked: Asked) -> Any:
    from portal.services.charges import lists
    from portal.services.credit.states import FILTERS

    return lists.Asked(
        customer_id=asked.customer.id if asked.customer else None,
        currency=asked.currency or "",
        begins=asked.begins,
        through=asked.through,
        paid=_one_of(asked.state, ("", *FILTERS)),
        today=asked.today,
    )


def _upcoming(asked: Asked) -> "Table":
    from portal.services.exports.upcoming import upcoming

    begins = asked.begins or asked.today
    through = asked.through or min(max(begins, asked.today) + AHEAD * ONE_DAY, LAST_DAY)
    return upcoming(begins, through, asked.today, asked.customer.id if asked.customer else None)


def _payments(asked: Asked) -> "Table":
    from portal.models import PaymentState
    from portal.services.credit import payment_list
    from portal.services.exports.payments import payments

    sought = payment_list.Sought(
        customer_id=asked.customer.id if asked.customer else None,
        state=_one_of(asked.state, ("", *PaymentState)),
        currency=asked.currency or "",
        begins=asked.begins,
        through=asked.through,
    )
    return payments(payment_list.find_payments(sought), payment_list.SORTS["date"])


def _statement(asked: Asked) -> "Table":
    from portal.services.exports.statement import statement

    if asked.customer is None:
        raise click.UsageError("A statement is of one customer: say --customer.")
    return statement(asked.customer, asked.begins or FIRST_DAY, asked.through or asked.today)


def _owed(asked: Asked) -> "Table":
    from portal.services.credit.owed import in_all
    from portal.services.exports.owed import owing
    from portal.services.packages.catalogue import default_currency

    currency, day = asked.currency or default_currency(), asked.through or asked.today
    if day > asked.today:
        raise click.UsageError("What is owed is known up to today.")
    return owing(in_all(currency, day, now_is=asked.today), asked.today)


def _margins(asked: Asked) -> "Table":
    from portal.services.exports.margins import margins
    from portal.services.overview import margins as all_of
    from portal.services.packages.catalogue import default_currency

    of = all_of.Asked(
        asked.by or all_of.PACKAGE,
        asked.currency or default_currency(),
        asked.begins or asked.today.replace(day=1),
        asked.through or asked.today,
    )
    return margins(of, all_of.add_up(of))


def _won_and_lost(asked: Asked) -> "Table":
    from portal.services.exports.won_and_lost import won_and_lost
    from portal.services.overview import moved
    from portal.services.overview.won_and_lost import KINDS
    from portal.services.packages.catalogue import default_currency

    of = moved.Asked(
        asked.currency or default_currency(),
        (asked.begins or asked.today.replace(day=1)) - ONE_DAY,
        asked.through or asked.today,
        _one_of(asked.state, ("", *KINDS)),
    )
    return won_and_lost(of, moved.find(of))


def _calls(asked: Asked) -> "Table":
    from portal.services.calls import lists
    from portal.services.exports.calls import found_calls

    of = asked.customer.id if asked.customer else None
    return found_calls(lists.Asked(customer_id=of, begins=asked.begins, through=asked.through))


def _audit(asked: Asked) -> "Table":
    from portal.services.audit.lists import find_entries
    from portal.services.exports.audit import acts

    return acts(find_entries(customer_id=asked.customer.id if asked.customer else None))


def _notes(asked: Asked) -> "Table":
    from portal.services.exports.notes import notes
    from portal.services.notes.lists import ALL, STATES, Sought, find_notes

    state = ALL if asked.state is None else _one_of(asked.state, STATES)
    sought = Sought(state=state, customer_id=asked.customer.id if asked.customer else None)
    return notes(find_notes(sought, asked.today), sought.sort)


def _runs(asked: Asked) -> "Table":
    from portal.clock import now
    from portal.services.exports.runs import runs
    from portal.services.runs.runs import is_interrupted

    moment = now()
    return runs(lambda run: is_interrupted(run, moment))


SPAN = ("begins", "through")
# Each list, and what of it can be asked for.
LISTS: dict[str, tuple[Callable[[Asked], "Table"], tuple[str, ...]]] = {
    "packages": (_packages, ("state", "currency")),
    "customers": (_customers, ("state", "currency")),
    "dids": (_dids, ("state", "customer")),
    "assignments": (_assignments, ("state", "customer")),
    "charges": (_charges, ("state", "currency", "customer", *SPAN)),
    "accounts": (_accounts, ("state", "currency", "customer", *SPAN)),
    "upcoming": (_upcoming, ("customer", *SPAN)),
    "runs": (_runs, ()),
    "payments": (_payments, ("state", "currency", "customer", *SPAN)),
    "statement": (_statement, ("customer", *SPAN)),
    "owed": (_owed, ("currency", "through")),
    "margins": (_margins, ("by", "currency", *SPAN)),
    "won-and-lost": (_won_and_lost, ("state", "currency", *SPAN)),
    "calls": (_calls, ("customer", *SPAN)),
    "notes": (_notes, ("state", "customer")),
    "audit": (_audit, ("customer",)),
}
OPTIONS = {
    "begins": "--from",
    "through": "--through",
    "state": "--state",
    "currency": "--currency",
    "customer": "--customer",
    "by": "--by",
}
BY = ("package", "customer", "did")


def _one_of(state: str | None, states: Sequence[str]) -> str:
    """The state that was asked for; without one, that which the list begins with."""
    if state is not None and state not in states:
        raise click.UsageError(f"--state is one of {listed([one for one in states if one], 'or')}.")
    return states[0] if state is None else state


@click.command()
@click.argument("name", metavar="LIST", type=click.Choice(list(LISTS)))
@click.option(
    "--to", "file", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="The file: CSV where it ends in .csv, a workbook where it ends in .xlsx. One that is there is replaced.",
)  # fmt: skip
@click.option("--customer", "who", help=f"Only of this customer: {CALLED}.")
@click.option("--from", "begins", type=DAY, help="Only from this day on.")
@click.option("--through", type=DAY, help="Only up to this day. Of what is owed: as of this day.")
@click.option("--state", help="Only in this state, as the list's address has it. Default: as the list opens.")
@click.option("--currency", help="Only in this currency.")
@click.option("--by", type=click.Choice(BY), help="Of margins: of what each line is. Default: package.")
@with_app(reading=True)
def command(
    name: str,
    file: Path,
    who: str | None,
    begins: date | None,
    through: date | None,
    state: str | None,
    currency: str | None,
    by: str | None,
) -> None:
    """Write LIST into a file, all of it, however long.

    \b
    portal export packages --to packages.csv
    portal export assignments --state open --to assignments.csv
    portal export accounts --from 2026-10-01 --through 2026-10-31 --to october.xlsx

    LIST is packages, customers, dids, assignments, charges, accounts (charges as accounts import them), upcoming, runs,
    payments, statement, owed, margins, won-and-lost, calls, notes or audit. What can be imported is: `portal import
    packages packages.csv`.
    """
    from portal.clock import today
    from portal.commands.charge import customer_called

    build, takes = LISTS[name]
    given = {
        "begins": begins,
        "through": through,
        "state": state,
        "currency": currency,
        "customer": who,
        "by": by,
    }
    if wrong := [
        OPTIONS[option] for option, value in given.items() if value is not None and option not in takes
    ]:
        raise click.UsageError(f"{listed(wrong)} cannot be said of {name}.")
    if file.suffix.lower() not in FORMS:
        raise click.UsageError(f"--to {file}: the file's name ends in {listed(list(FORMS), 'or')}.")
    if begins and through and through < begins:
        raise click.UsageError("--through is before --from.")
    customer = customer_called(who) if who else None
    seen = _Seen()
    asked = Asked(customer, begins, through, state, currency.upper() if currency else None, by, today())
    table = build(asked)
    _write(replace(table, chunks=seen.counting(table)), file)
    click.echo(f"{plural(seen.count, 'row')} written to {file.resolve()}.")
    if seen.credits:
        sums = listed([money_in(amount, code) for code, amount in sorted(seen.sums.items())])
        click.echo(
            f"{plural(seen.credits, 'assignment has', 'assignments have')} credits that are not posted yet, {sums} in "
            "all. An import does not carry them: post what is due before you move."
        )


def _write(table: "Table", file: Path) -> None:
    """Write the file: it is there whole or not at all."""
    from portal.clock import zone
    from portal.services.exports.files import as_csv, as_xlsx

    part = file.with_name(file.name + ".part")
    with open(part, "wb", opener=private.opener) as written:
        if file.suffix.lower() == ".xlsx":
            as_xlsx(table, written, zone())
        else:
            for some in as_csv(table, zone()):
                written.write(some.encode())
    part.replace(file)


@dataclass(slots=True)
class _Seen:
    """How many rows went by, and the credits among them that no run has posted."""

    count: int = 0
    credits: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)

    def counting(self, table: "Table") -> Iterator[Sequence[Any]]:
        """The chunks of a table, counted."""
        for some in table.chunks:
            self.count += len(some)
            for row in some:
                if back := getattr(row, "not_posted", None):
                    self.credits += 1
                    currency = table.currency(row)
                    self.sums[currency] = self.sums.get(currency, Decimal(0)) + back
            yield some
