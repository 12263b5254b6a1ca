"""Show what falls due over a span of days, as a run would post it. Nothing is written."""

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from portal.commands import CALLED, DAY, with_app
from portal.commands.charge import customer_called

if TYPE_CHECKING:
    from portal.services.billing.planning import Plan
    from portal.services.charges.explaining import Explained

DAYS_AHEAD = 30


@click.command()
@click.option("--customer", "who", help=f"One customer: {CALLED}. Default: everyone.")
@click.option("--from", "begins", type=DAY, help="The first day (YYYY-MM-DD). Default: today.")
@click.option("--to", "through", type=DAY, help=f"The last day. Default: {DAYS_AHEAD} days after the first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app(reading=True)
def command(who: str | None, begins: date | None, through: date | None, as_json: bool) -> None:
    """Show what falls due from a day to a day, each charge with its reason."""
    from portal.clock import today
    from portal.domain.schedule import FIRST_DAY, LAST_DAY, ONE_DAY
    from portal.services.billing.planning import upcoming
    from portal.services.charges.explaining import explained

    first = begins or today()
    last = through or min(first + DAYS_AHEAD * ONE_DAY, LAST_DAY)
    if not FIRST_DAY <= first <= last <= LAST_DAY:
        raise click.ClickException("Days must be between 2000 and 2199, --from before --to.")
    customer = customer_called(who)
    plan = upcoming(first, last, today(), customer.id if customer else None)
    answer = _answer(plan, explained(plan.charges), first, last)
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(answer)))


def _answer(plan: "Plan", told: "list[Explained]", first: date, last: date) -> dict[str, Any]:
    from portal.domain.wording import plain

    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "charges": [
            {
                "date": charge.charge_on.isoformat(),
                "customer": charge.customer_id,
                "assignment": charge.assignment_id,
                "package": charge.label,
                "did": charge.did_number or None,
                "kind": charge.kind.value,
                "period_from": None if charge.is_once else charge.period_from.isoformat(),
                "period_until": None if charge.is_once else charge.period_until.isoformat(),
                "quantity": charge.quantity,
                "currency": charge.currency,
                "amount": plain(charge.amount, charge.currency),
                "cost": plain(charge.cost, charge.currency),
                "tax": plain(charge.tax, charge.currency),
                "certain": not charge.provisional,
                "why": line.why,
            }
            for line in told
            for charge in [line.charge]
        ],
        "totals": {
            currency: {
                name: plain(getattr(sums, name), currency) for name in ("amount", "tax", "cost", "margin")
            }
            for currency, sums in plan.totals.items()
        },
        "held": [
            {
                "assignment": held.facts.assignment_id,
                "charges": held.lines,
                "since": held.first_on.isoformat(),
            }
            for held in plan.held
        ],
        "failed": [
            {"assignment": failed.assignment_id, "sentence": failed.sentence} for failed in plan.failed
        ],
    }


def _lines(answer: dict[str, Any]) -> list[str]:
    from portal.domain.wording import plural, whole

    lines = [
        f"{charge['date']}  {charge['amount']:>12} {charge['currency']}  {charge['package']}"
        f"{' ' + charge['did'] if charge['did'] else ''} (customer {charge['customer']}): {charge['why']}"
        for charge in answer["charges"]
    ]
    lines.append(f"{plural(len(answer['charges']), 'charge')} from {answer['from']} to {answer['to']}.")
    for currency, sums in answer["totals"].items():
        lines.append(
            f"{currency}: {sums['amount']}, tax {sums['tax']}, cost {sums['cost']}, margin {sums['margin']}."
        )
    lines += [f"Failed: {failed['sentence']}" for failed in answer["failed"]]
    return lines + [
        f"Held, assignment {held['assignment']}: {whole(held['charges'])} charges since {held['since']} "
        "wait for a choice."
        for held in answer["held"]
    ]
