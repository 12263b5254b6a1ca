"""Scenarios, as `portal simulate` takes them, in the oracle's words.

A scenario is one JSON object:

    {"currency": "USD", "tax_rate": "0", "usage_wait_days": 0,
     "from": "2026-01-01", "to": "2026-12-31",
     "packages": [{"key": "trunk", "name": "SIP trunk", "cost": "4", "retail": "10",
                   "setup_cost": "0", "setup_retail": "25", "prices": {"EUR": {"retail": "9"}},
                   "frequency": "monthly", "frequency_match": [15, 31], "minimum_spend": false,
                   "minimum_days": 0, "proration": "none", "type": "standard"}],
     "customers": [{"key": "acme", "currency": "EUR", "tax_rate": "20"}],
     "dids": [{"number": "+442071234567", "customer": "acme"}],
     "assignments": [{"package": "trunk", "customer": "acme", "did": null, "quantity": 2,
                      "start_date": "2026-01-10", "end_date": null, "charge_from": null}],
     "usage": [{"customer": "acme", "did": null, "date": "2026-01-12", "amount": "3.20"}],
     "changes": [{"on": "2026-03-10", "assignment": 0, "end_date": "2026-03-20"},
                 {"on": "2026-03-10", "assignment": 0, "quantity": 3},
                 {"on": "2026-03-10", "assignment": 0, "retail": "8"},
                 {"on": "2026-03-10", "package": "trunk", "retail": "12", "currency": "EUR"},
                 {"on": "2026-03-10", "package": "trunk", "frequency": "weekly"},
                 {"on": "2026-03-10", "package": "trunk", "retail": "9", "since": "2026-02-01", "for_good": true},
                 {"on": "2026-03-10", "customer": "acme", "tax_rate": "21",
                  "effective_from": "2026-04-01"},
                 {"on": "2026-03-10", "undo": "2026-03-01"}]}

Only `from`, `to`, `packages` and `assignments` are required. Runs happen on every day from the
first start to `to`. A change is made at the start of its day, before the run of that day, in the
order given; what it changes holds from `effective_from`, by default the day after (an end date at
once). What a price change leaves out stays as it is; its currency is the scenario's unless it says
another. With `since` it corrects what was wrong since that day. `undo` undoes the run of that day.
Prices of an assignment are its own; null is the package's. A frequency that changes clears the
match days.

`answer(scenario)` is what `portal simulate` answers to it, without the sentences: the lines posted
on the days from `from` to `to`, by date, then in the rules' order.
"""

from datetime import UTC, date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from tests.oracle import ALWAYS, ONE_DAY, charges, holding, in_order, one, right, rounded

PRICES = ("cost", "retail", "setup_cost", "setup_retail")


def a_day(text):
    return date.fromisoformat(text) if text else None


def portfolio_of(scenario):
    """A scenario with its changes, as the oracle's input. It must be one that is not refused."""
    currency = scenario.get("currency", "USD")
    packages = [
        {
            "key": package["key"],
            "type": package.get("type", "standard"),
            "destination": package.get("destination", ""),
            "minimum_days": package.get("minimum_days", 0),
            "minimum_spend": package.get("minimum_spend", False),
            "proration": package.get("proration", "none"),
            "schedules": [
                (
                    ALWAYS,
                    package.get("frequency", "none"),
                    tuple(sorted(package.get("frequency_match", ()))),
                )
            ],
            "prices": {
                code: [(ALWAYS, *(prices.get(name, "0") for name in PRICES))]
                for code, prices in {currency: package, **package.get("prices", {})}.items()
            },
        }
        for package in scenario["packages"]
    ]
    customers = [
        {
            "key": customer["key"],
            "currency": customer.get("currency", currency),
            "tax_rates": [(ALWAYS, customer.get("tax_rate", scenario.get("tax_rate", "0")))],
        }
        for customer in scenario.get("customers", [{"key": "customer"}])
    ]
    only = customers[0]["key"]
    assignments = [
        {
            "package": assignment["package"],
            "customer": assignment.get("customer", only),
            "did": assignment.get("did"),
            "start_date": a_day(assignment["start_date"]),
            "charge_from": a_day(assignment.get("charge_from")),
            "minutes": assignment.get("minutes"),
            "quantities": [(ALWAYS, assignment.get("quantity", 1))],
            "ends": [(ALWAYS, a_day(assignment.get("end_date")))],
            "own_prices": {name: [(ALWAYS, assignment.get(name))] for name in PRICES},
        }
        for assignment in scenario["assignments"]
    ]
    happens = []
    for change in sorted(scenario.get("changes", []), key=lambda change: change["on"]):
        if happens or "since" in change or "undo" in change:
            # What is changed after a correction or an undo goes by what it has made right, or put back.
            happens.append((a_day(change["on"]), partial(happen, change, currency)))
        else:
            record(change, packages, customers, assignments, currency)
    usage = [
        {
            **call,
            "customer": call.get("customer", only),
            "day": day_of(call, scenario),
            "came_in_on": a_day(call.get("came_in_on")),
            "starts": starts(call, scenario),
        }
        for call in scenario.get("usage", [])
    ]
    return {
        "packages": packages,
        "customers": customers,
        "assignments": assignments,
        "usage": usage,
        "usage_wait_days": scenario.get("usage_wait_days", 0),
        "through": a_day(scenario["to"]),
        "happens": happens,
        "changed": {},
        "undoes": any("undo" in change for change in scenario.get("changes", [])),
    }


def starts(call, scenario):
    """When a call started, in UTC; one of which only the day is known begins its day."""
    if not call.get("started_at"):
        return ""
    started = datetime.fromisoformat(call["started_at"])
    if not started.tzinfo:
        started = started.replace(tzinfo=ZoneInfo(scenario.get("timezone", "UTC")))
    return started.astimezone(UTC).isoformat()


def day_of(call, scenario):
    """The day on which a call started in the portal's time zone."""
    if "date" in call:
        return a_day(call["date"])
    zone = ZoneInfo(scenario.get("timezone", "UTC"))
    started = datetime.fromisoformat(call["started_at"])
    return (started.astimezone(zone) if started.tzinfo else started).date()


def happen(change, currency, portfolio, walks):
    """Make one change, or one correction back to a day (`since`), or undo a run (`undo`), on its day."""
    if "undo" in change:
        for walk in walks:
            walk.undo(a_day(change["undo"]), a_day(change["on"]))
        return
    packages, customers, assignments = (portfolio[name] for name in ("packages", "customers", "assignments"))
    if "since" not in change:
        record(change, packages, customers, assignments, currency)
        if "end_date" in change:
            walks[change["assignment"]].begin_anew(a_day(change["on"]))
        if "quantity" in change and change.get("effective_from", "9") <= change["on"]:
            walks[change["assignment"]].count_anew(a_day(change["on"]))
        return
    since, today, for_good = a_day(change["since"]), a_day(change["on"]), change.get("for_good", False)

    def put_right(entries, place, value, *term):
        right(entries, since, place, value, for_good, portfolio["changed"].setdefault(term, set()))

    if "customer" in change:
        customer = one(customers, change["customer"])
        put_right(customer["tax_rates"], 0, change["tax_rate"], "rate", customer["key"])
        for walk in walks:
            if walk.customer is customer:
                walk.correct_rate(since, today)
        return
    reached = walks
    if "package" in change:
        code = change.get("currency", currency)
        prices = one(packages, change["package"])["prices"][code]
        for place, name in enumerate(PRICES):
            if name in change:
                put_right(prices, place, change[name], change["package"], code, name)
        reached = [w for w in walks if w.package["key"] == change["package"] and w.currency == code]
    else:
        index = change["assignment"]
        for name in PRICES:
            if name in change:
                put_right(assignments[index]["own_prices"][name], 0, change[name], index, name)
        if "quantity" in change:
            put_right(assignments[index]["quantities"], 0, change["quantity"], index, "quantity")
        reached = [walks[index]]
    for walk in reached:
        walk.correct_back(since, today)


def record(change, packages, customers, assignments, currency):
    """Keep one change with the day from which it holds: the day after, unless it says another."""
    made_on = a_day(change["on"])
    effective_from = a_day(change.get("effective_from")) or made_on + ONE_DAY
    if "end_date" in change:
        assignments[change["assignment"]]["ends"].append((made_on, a_day(change["end_date"])))
    if "quantity" in change:
        assignments[change["assignment"]]["quantities"].append((effective_from, change["quantity"]))
    for name in PRICES if "assignment" in change else ():
        if name in change:
            own = assignments[change["assignment"]]["own_prices"]
            own[name].append((effective_from, change[name]))
    if "tax_rate" in change:
        one(customers, change["customer"])["tax_rates"].append((effective_from, change["tax_rate"]))
    if "package" in change:
        package = one(packages, change["package"])
        if any(name in change for name in PRICES):
            prices = package["prices"][change.get("currency", currency)]
            before = dict(zip(PRICES, holding(prices, effective_from), strict=True))
            prices.append((effective_from, *(change.get(name, before[name]) for name in PRICES)))
        if "frequency" in change or "frequency_match" in change:
            frequency, match = holding(package["schedules"], effective_from)
            changed = change.get("frequency", frequency)
            match = change.get("frequency_match", match if changed == frequency else ())
            package["schedules"].append((effective_from, changed, tuple(sorted(match))))


def answer(scenario):
    """What `portal simulate` answers: the lines of the days from `from` to `to`."""
    portfolio = portfolio_of(scenario)
    since = a_day(scenario["from"])
    lines, totals, costs = [], {}, {}
    for charge in sorted(charges(portfolio), key=lambda charge: (charge["date"], *in_order(charge))):
        if charge["posted_on"] < since:
            continue
        assignment = portfolio["assignments"][charge["assignment"]]
        currency = one(portfolio["customers"], assignment["customer"])["currency"]
        totals[currency] = totals.get(currency, 0) + charge["amount"]
        costs[currency] = costs.get(currency, 0) + charge["cost"]
        lines.append(
            {
                "date": charge["date"].isoformat(),
                "customer": assignment["customer"],
                "package": assignment["package"],
                "assignment": charge["assignment"],
                "kind": charge["kind"],
                "period_from": charge["period_from"] and charge["period_from"].isoformat(),
                "period_until": charge["period_until"] and charge["period_until"].isoformat(),
                "quantity": charge["quantity"],
                "unit_price": plain(charge["unit_price"]),
                "amount": f"{charge['amount']:f}",
                "cost": f"{charge['cost']:f}",
                "tax": f"{charge['tax']:f}",
            }
        )
    nothing = f"{rounded(0, scenario.get('currency', 'USD')):f}"
    texts = [{currency: f"{value:f}" for currency, value in sums.items()} for sums in (totals, costs)]
    total, cost = (text if len(text) > 1 else next(iter(text.values()), nothing) for text in texts)
    return {"charges": lines, "total": total, "cost": cost}


def plain(price):
    """A price without trailing zeros: 25, 0.5."""
    text = f"{price:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
