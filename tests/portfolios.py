"""Small portfolios out of a seed, with the changes that people make between runs.

`generate(seed)` answers a scenario (see scenarios.py: packages, customers, dids, assignments,
usage, changes, usage_wait_days, from, to). The same seed always answers the same one. `changes` is
flat and in order of time: replay it by recording each change on its day, before that day's run.

What may be relied on, so that every change is one that the rules allow:

- A change is made later than the start date of what it changes, and holds from a later day still;
  of one thing, what is changed later also holds from later. A price change names all four prices.
- An end date is changed on or before the end date known until then; the new one is not before the
  start date, nor before the last day of the lock, but may lie in the past.
- Quantity falls only once the lock is over. Type, minimum spend, proration and whether there is a
  frequency at all never change.

`oracle_input(scenario)` is the same in the oracle's words.
"""

import random
from datetime import date, timedelta

from tests.scenarios import PRICES, portfolio_of

DAYS_OF_A_PORTFOLIO = 456
CORNERS = (1, 15, 28, 29, 30, 31)
FREQUENCIES = ("daily", "weekly", "monthly", "monthly", "monthly", "quarterly", "yearly")
LATE_BY = (1, 2, 20, 60, 90, 91, 92, 120, 200)
CHANGES = ("end", "end", "end", "quantity", "price", "own", "schedule", "schedule", "tax")

oracle_input = portfolio_of


def generate(seed):
    """One portfolio, as a scenario with its changes."""
    rng = random.Random(seed)
    since = date(2027, 10, 1) + timedelta(days=rng.randrange(150))
    until = since + timedelta(days=DAYS_OF_A_PORTFOLIO)
    customers = [
        {"key": f"customer-{n}", "currency": rng.choice(("USD", "USD", "EUR", "JPY", "KWD")),
         "tax_rate": rng.choice(("0", "0", "20", "7.7", "19"))}
        for n in range(rng.randint(1, 3))
    ]  # fmt: skip
    currencies = sorted({customer["currency"] for customer in customers} - {"USD"})
    packages = [a_package(rng, f"package-{n}", currencies) for n in range(rng.randint(1, 4))]
    assignments = [an_assignment(rng, packages, customers, since) for _ in range(rng.randint(1, 5))]
    scenario = {
        "currency": "USD",
        "from": min(assignment["start_date"] for assignment in assignments),
        "to": until.isoformat(),
        "usage_wait_days": rng.choice((0, 0, 1, 2)),
        "packages": packages,
        "customers": customers,
        "dids": [
            {"number": number, "customer": customer}
            for number, customer in sorted(
                {(assignment["did"], assignment["customer"]) for assignment in assignments}
                - {(None, customer["key"]) for customer in customers}
            )
        ],
        "assignments": assignments,
    }
    scenario["usage"] = calls(rng, scenario, since, until)
    scenario["changes"] = Changes(rng, scenario, until).made()
    return scenario


def a_day(text):
    return date.fromisoformat(text) if text else None


def pick(rng, low, high):
    """A day from low to high, both included, most often where months are awkward."""
    day = low + timedelta(days=rng.randint(0, max(0, (high - low).days)))
    if rng.random() < 0.6:
        wanted = rng.choice(CORNERS)
        while day.day != wanted and day < high:
            day += timedelta(days=1)
    return day


def a_price(rng):
    return rng.choice(("0", "0.005", "0.333333", "1", "9.99", "25", "49.95", "99.5", "310", "1234.567891"))


def a_schedule(rng):
    frequency = rng.choice(FREQUENCIES)
    if frequency == "daily" and rng.random() < 0.6:
        frequency = "monthly"
    match = []
    if frequency == "weekly" and rng.random() < 0.6:
        match = sorted(rng.sample(range(1, 8), rng.randint(1, 3)))
    if frequency == "monthly" and rng.random() < 0.6:
        match = sorted(rng.sample((*CORNERS, 5, 10, 20), rng.randint(1, 3)))
    return {"frequency": frequency, "frequency_match": match}


def a_package(rng, key, currencies):
    schedule = a_schedule(rng)
    if rng.random() < 0.1:
        schedule = {"frequency": "none", "frequency_match": []}
    return {
        "key": key,
        "name": key,
        **{name: a_price(rng) for name in PRICES},
        "prices": {code: {name: a_price(rng) for name in PRICES} for code in currencies},
        **schedule,
        "minimum_spend": schedule["frequency"] != "none" and rng.random() < 0.3,
        "minimum_days": rng.choice((0, 0, 0, 7, 30, 45)),
        "proration": rng.choice(("none", "daily", "daily")),
        "type": "standard",
    }


def an_assignment(rng, packages, customers, since):
    package, customer = rng.choice(packages), rng.choice(customers)
    start = pick(rng, since, since + timedelta(days=200))
    end = charge_from = None
    if rng.random() < 0.4:
        end = pick(rng, max(start, last_day_of_lock(start, package)), start + timedelta(days=250))
    if rng.random() < 0.2:
        charge_from = pick(rng, start, min(start + timedelta(days=90), end or date.max))
    return {
        "package": package["key"],
        "customer": customer["key"],
        "did": f"+4420712345{customers.index(customer)}{rng.randint(0, 1)}" if rng.random() < 0.3 else None,
        "quantity": rng.choice((1, 1, 2, 3, 7)),
        "start_date": start.isoformat(),
        "end_date": end and end.isoformat(),
        "charge_from": charge_from and charge_from.isoformat(),
        **{name: a_price(rng) for name in PRICES if rng.random() < 0.1},
    }


def last_day_of_lock(start, package):
    """The earliest last day that the minimum days allow."""
    return start + timedelta(days=package["minimum_days"] - 1)


def calls(rng, scenario, since, until):
    """Some calls of each customer who has a minimum to spend, some of them on their DIDs, some of them late."""
    measured = {package["key"] for package in scenario["packages"] if package["minimum_spend"]}
    made = []
    for assignment in scenario["assignments"]:
        if assignment["package"] not in measured:
            continue
        for _ in range(rng.randint(0, 25)):
            day = pick(rng, since, until)
            made.append(
                {
                    "customer": assignment["customer"],
                    "did": assignment["did"] if rng.random() < 0.7 else None,
                    "date": day.isoformat(),
                    "amount": rng.choice(("0.005", "0.333333", "3.2", "8", "17.45", "60", "900")),
                }
            )
            if rng.random() < 0.3:
                made[-1]["came_in_on"] = (day + timedelta(days=rng.choice(LATE_BY))).isoformat()
    return sorted(made, key=lambda call: call["date"])


class Changes:
    """The changes of one portfolio, made one after the other, each knowing those before it."""

    def __init__(self, rng, scenario, until):
        self.rng, self.until = rng, until
        self.packages = {package["key"]: package for package in scenario["packages"]}
        self.customers = {customer["key"]: customer for customer in scenario["customers"]}
        self.assignments = scenario["assignments"]
        self.ends = [a_day(assignment["end_date"]) for assignment in self.assignments]
        self.quantities = [assignment["quantity"] for assignment in self.assignments]
        self.held = {}  # what was changed -> the last day from which a change of it holds

    def made(self):
        first = min(a_day(assignment["start_date"]) for assignment in self.assignments)
        ahead = [
            (pick(self.rng, first + timedelta(days=1), self.until), self.rng.choice(CHANGES), None)
            for _ in range(self.rng.randint(0, 9))
        ]
        for index in range(len(self.assignments)):
            ahead += self.second_thoughts(index, a_day(self.assignments[index]["start_date"]))
        changes = []
        while ahead:
            ahead.sort(key=lambda idea: idea[0])
            on, what, index = ahead.pop(0)
            if index is None:
                index = self.chosen(on)
            if on > self.until or index not in self.running(on):
                continue
            if change := getattr(self, what)(index, on):
                changes.append(change)
                if what == "end":
                    ahead += self.second_thoughts(index, on)
        return changes

    def second_thoughts(self, index, after):
        """Whoever set an end date often moves it again while it has not passed."""
        end = self.ends[index]
        first = after + timedelta(days=1)
        if end is None or end < first or self.rng.random() < 0.4:
            return []
        return [(pick(self.rng, max(first, end - timedelta(days=25)), end), "end", index)]

    def running(self, on):
        """The assignments that started before a day and have not ended by it."""
        return [
            index
            for index, assignment in enumerate(self.assignments)
            if a_day(assignment["start_date"]) < on and (self.ends[index] is None or self.ends[index] >= on)
        ]

    def effective_from(self, what, on):
        """A day after today and after every day from which a change of the same thing holds."""
        first = max(on, self.held.get(what, on)) + timedelta(days=1)
        day = first if self.rng.random() < 0.4 else pick(self.rng, first, first + timedelta(days=75))
        self.held[what] = day
        return {"effective_from": day.isoformat()}

    def chosen(self, on):
        running = self.running(on)
        return self.rng.choice(running) if running else None

    def end(self, index, on):
        assignment = self.assignments[index]
        start = a_day(assignment["start_date"])
        low = max(start, last_day_of_lock(start, self.packages[assignment["package"]]))
        end = self.rng.choice(
            (
                None,
                on,
                on - timedelta(days=1),
                pick(self.rng, on - timedelta(days=40), on),
                pick(self.rng, on, on + timedelta(days=40)),
                pick(self.rng, on, on + timedelta(days=120)),
            )
        )
        end = end and max(end, low)
        if end == self.ends[index]:
            return None
        self.ends[index] = end
        return {
            "on": on.isoformat(),
            "assignment": index,
            "end_date": end and end.isoformat(),
        }

    def quantity(self, index, on):
        assignment = self.assignments[index]
        start = a_day(assignment["start_date"])
        locked = on <= last_day_of_lock(start, self.packages[assignment["package"]])
        old = self.quantities[index]
        self.quantities[index] = old + self.rng.randint(1, 5)
        if old > 1 and not locked and self.rng.random() < 0.5:
            self.quantities[index] = self.rng.randint(1, old - 1)
        return {
            "on": on.isoformat(),
            "assignment": index,
            "quantity": self.quantities[index],
            **self.effective_from(("quantity", index), on),
        }

    def price(self, index, on):
        assignment = self.assignments[index]
        currency = self.customers[assignment["customer"]]["currency"]
        return {
            "on": on.isoformat(),
            "package": assignment["package"],
            "currency": currency,
            **{name: a_price(self.rng) for name in PRICES},
            **self.effective_from(("price", assignment["package"], currency), on),
        }

    def own(self, index, on):
        """Own prices of what recurs: one or both of them, sometimes the package's again."""
        names = self.rng.sample(("cost", "retail"), self.rng.randint(1, 2))
        prices = {name: self.rng.choice((None, a_price(self.rng))) for name in names}
        holds = self.effective_from(("own", index), on)
        end = self.ends[index]
        if self.packages[self.assignments[index]["package"]]["frequency"] == "none" or (
            end and a_day(holds["effective_from"]) > end
        ):
            return None
        return {"on": on.isoformat(), "assignment": index, **prices, **holds}

    def schedule(self, index, on):
        key = self.assignments[index]["package"]
        if self.packages[key]["frequency"] == "none":
            return None
        return {
            "on": on.isoformat(),
            "package": key,
            **a_schedule(self.rng),
            **self.effective_from(("schedule", key), on),
        }

    def tax(self, index, on):
        key = self.assignments[index]["customer"]
        return {
            "on": on.isoformat(),
            "customer": key,
            "tax_rate": self.rng.choice(("0", "5", "20", "21")),
            **self.effective_from(("tax", key), on),
        }
