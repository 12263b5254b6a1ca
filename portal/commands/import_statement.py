"""Import a bank statement. `portal import statement FILE`: as the page does; only looked at with --check.

Exit status: 0 it is imported, 1 refused, 3 exact lines were left open.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal.commands import NUMBER, with_app
from portal.domain.wording import day, money, plural, whole
from portal.exit_status import NOT_ALL

if TYPE_CHECKING:
    from portal.models import BankStatement

BY = "portal import"


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--check", is_flag=True, help="Only show what is in it and what would be proposed. Nothing is stored."
)
@click.option("--account", default="", help="Whose account it is of, where the file does not say it.")
@click.option("--exact", "book_exact", is_flag=True, help="Then book all exact lines.")
@click.option(
    "--book", "statement_id", type=NUMBER, help="Book all exact lines of this statement, by its number."
)
@with_app()
def statement(
    file: Path | None, check: bool, account: str, book_exact: bool, statement_id: int | None
) -> None:
    """Import the bank statement FILE: CAMT.053, MT940, OFX, CSV, or Stripe's itemised payout report.

    Nothing is booked by it, unless --exact says so. The same statement again changes nothing.
    """
    if (file is None) == (statement_id is None) or (check and (book_exact or statement_id)):
        raise click.UsageError("Name a file, or a statement with --book.")
    if file is None:
        assert statement_id is not None
        return _end(*_book(statement_id))
    ids = _take_in(file, account, check)
    if book_exact:
        booked = [_book(id) for id in ids]
        _end(sum(count for count, _ in booked), [why for _, refused in booked for why in refused])


def _take_in(file: Path, account: str, check: bool) -> list[int]:
    """The statements of a file, told; with `check` nothing of it is stored."""
    from portal.clock import now
    from portal.domain.errors import Invalid
    from portal.extensions import db
    from portal.services.bank import keeping

    try:
        with file.open("rb") as opened:
            kept = keeping.accept(opened, file.name, account=account, by=BY, now=now())
    except Invalid as refusal:
        db.session.rollback()
        raise click.ClickException(refusal.sentence) from None
    if kept.waits:
        asks = " ".join(keeping.table_of(kept.file).asks.values()) if kept.file else ""
        db.session.rollback()
        raise click.ClickException(f"{asks} Describe the columns once on a page: Payments, Bank statements.")
    for one in kept.statements:
        for line in _told(one):
            click.echo(line)
    new = "Nothing new." if kept.was_there else f"{plural(kept.new, 'new line')}."
    ids = [one.id for one in kept.statements]
    if check:
        db.session.rollback()
        click.echo(f"{new} Nothing was stored.")
    else:
        db.session.commit()
        click.echo(new)
    return ids


def _told(one: "BankStatement") -> Iterator[str]:
    """A statement: whose, its balances, and what is exact in it."""
    from portal.services.bank import exact

    def amount(value: object) -> str:
        return money(value, one.currency) if value is not None else "not said"  # type: ignore[arg-type]

    yield f"{one.account}, {day(one.begins)} to {day(one.through)}: {plural(one.line_count, 'line')}"
    yield (
        f"Opening balance {amount(one.opening)}, lines {amount(one.total)}, closing balance {amount(one.closing)} "
        f"{one.currency}"
    )
    if one.difference:
        yield f"They do not add up: {amount(one.difference)} {one.currency} are missing."
    if one.passed_over_count:
        yield f"{whole(one.passed_over_count)} passed over: not booked yet, or totals."
    found = exact.exact_of(one)
    yield f"{plural(found.count, 'exact line')}: {money(found.total, one.currency)} {one.currency}"


def _book(statement_id: int) -> tuple[int, list[str]]:
    """How many exact lines of a statement were booked, and why others were not."""
    from portal.clock import now, today
    from portal.extensions import db
    from portal.models import BankStatement
    from portal.services import audit
    from portal.services.bank import exact

    found = db.session.get(BankStatement, statement_id)
    if found is None:
        raise click.ClickException(f"There is no bank statement {statement_id}.")
    by = found.booking_by or BY
    with audit.acting(audit.Actor(by)):
        booked = exact.book_exact(found, by=by, today=today(), now=now)
        exact.end(statement_id)
    return booked.count, [why for _, why in booked.refused]


def _end(count: int, refused: list[str]) -> None:
    for why in refused:
        click.echo(why)
    click.echo(f"{plural(count, 'line')} booked.")
    if refused:
        sys.exit(NOT_ALL)
