"""A naive oracle: what a portfolio should have been charged, found by walking through every day.

It is written to be obviously right, not quick, and shares no code with the portal: it knows no
cursor, no cache and no arithmetic on dates beyond "the day before" and "the day after". A charge
date is found by asking every day whether it is one. On each day it first learns what was recorded
on that day, then posts what falls due, keeping a ledger.

`charges(portfolio)` takes plain dicts and answers a list of plain dicts. Days are `datetime.date`,
prices are `Decimal` (or text, or int), a day since which something has always held is `ALWAYS`:

    {"packages": [{
        "key": "trunk", "type": "standard", "minimum_spend": False, "proration": "daily",
        "minimum_days": 0,  # told, not used: a lock charges nothing
        "schedules": [(ALWAYS, "monthly", (15, 31)), (effective_from, "weekly", (1, 4))],
        "prices": {"USD": [(ALWAYS, cost, retail, setup_cost, setup_retail), (effective_from, ...)]}}],
     "customers": [{
        "key": "acme", "currency": "USD",
        "tax_rates": [(ALWAYS, "20"), (effective_from, "21")]}],  # in percent
     "assignments": [{
        "package": "trunk", "customer": "acme", "did": None, "start_date": day, "charge_from": None,
        "quantities": [(ALWAYS, 2), (effective_from, 3)],
        "ends": [(ALWAYS, None), (known_on, end_date)],  # the last one known by a day counts
        "own_prices": {"retail": [(ALWAYS, None), (effective_from, "8")]}}],  # each by itself; None: the package's
     "usage": [("acme", None, day, "3.20")],  # customer, DID, day, amount; or a dict, as free_calls.py says
     "usage_wait_days": 0, "through": day,
     "happens": [(day, what)],  # at the start of a day what(portfolio, walks) is called: terms change, are corrected,
     "undoes": False}  # or a run is undone; this says whether one is

Of several entries that hold from the same day, the last one counts. Each charge in the answer is

    {"posted_on": day, "date": day, "assignment": 0, "kind": "recurring", "number": 0,
     "period_from": day, "period_until": day, "quantity": 2, "unit_price": Decimal,
     "amount": Decimal, "cost": Decimal, "tax_rate": Decimal, "tax": Decimal}

with a kind of setup, one_off, minimum_spend, credit, difference, recurring or undo (of any of the others);
setup and one_off have no period. They come by the day on which they were posted, then by assignment, kind (in the
order just given), period and number. Amounts have the digits of the customer's currency.

`scenarios.py` reads a scenario in the format of docs/examples.json into this.
"""

from calendar import monthrange
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.free_calls import Calls

ALWAYS = date(1, 1, 1)
ONE_DAY = timedelta(days=1)
DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3, "TND": 3}
ORDER = {
    "setup": 0,
    "one_off": 1,
    "minimum_spend": 2,
    "credit": 3,
    "difference": 3,
    "recurring": 4,
    "undo": 5,
}
NOTHING = (Decimal(0), Decimal(0), Decimal(0))


def rounded(value, currency):
    """Round once, half away from zero, to the currency's own minor unit."""
    digits = DIGITS.get(currency, 2)
    scaled = abs(Fraction(value)) * 10**digits
    whole = scaled.numerator // scaled.denominator
    if scaled - whole >= Fraction(1, 2):
        whole += 1
    return Decimal(whole if value >= 0 else -whole).scaleb(-digits)


def holding(entries, day):
    """Of `(effective_from, ...)` entries: what holds on a day, without the day it holds from."""
    found, since = None, None
    for effective_from, *values in entries:
        if effective_from <= day and (since is None or effective_from >= since):
            found, since = values, effective_from
    return found


def known_end(assignment, day):
    """The end date as it was known on a day: the last one recorded by then."""
    end = None
    for known_on, end_date in assignment["ends"]:
        if known_on <= day:
            end = end_date
    return end


def is_charge_date(day, schedule, anchor):
    """Whether the schedule charges on this day; with match days also before the anchor."""
    frequency, match = schedule
    last = monthrange(day.year, day.month)[1]
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if frequency == "none":
        return day == anchor
    if frequency == "daily":
        return True
    if frequency == "weekly":
        return day.isoweekday() in (match or (anchor.isoweekday(),))
    if frequency == "monthly":
        return day.day in {min(wanted, last) for wanted in (match or (anchor.day,))}
    step = {"quarterly": 3, "yearly": 12}[frequency]
    return months % step == 0 and day.day == min(anchor.day, last)


def charge_date_after(day, schedule, anchor):
    """The first charge date after a day."""
    day += ONE_DAY
    while not is_charge_date(day, schedule, anchor):
        day += ONE_DAY
    return day


def charge_date_until(day, schedule, anchor):
    """The last charge date on or before a day."""
    while not is_charge_date(day, schedule, anchor):
        day -= ONE_DAY
    return day


class Walk:
    """One assignment, walked through day by day, with its periods and its posted lines."""

    def __init__(self, portfolio, index):
        self.index = index
        self.assignment = portfolio["assignments"][index]
        self.package = one(portfolio["packages"], self.assignment["package"])
        self.customer = one(portfolio["customers"], self.assignment["customer"])
        self.currency = self.customer["currency"]
        self.wait = portfolio["usage_wait_days"] * ONE_DAY
        self.calls = portfolio["calls"]
        self.start = self.assignment["start_date"]
        self.begin = max(self.start, self.assignment["charge_from"] or self.start)
        self.by_days = self.package["proration"] == "daily"
        self.measured = bool(self.package["minimum_spend"])
        self.free = self.package["type"] == "free_minutes"
        self.schedule = self.anchor = self.grid = None
        self.periods = []
        self.posted = []
        self.charged_once = {}
        self.numbers = {}
        self.keeps = portfolio.get("undoes", False)
        self.today = ALWAYS
        self.dealt = []  # of each run that dealt with it: its day, what was before it, the lines it posted
        self.again_from = None  # the day of a run that was undone, until the next run

    def step(self, today):
        """The run of a day: post what falls due, first of the days since a run that was undone."""
        if today < self.start:
            return
        before, already = self.keeps and self.state(), len(self.posted)
        self.today, day = today, self.again_from or today
        self.again_from = None
        while day <= today:
            self.work(day)
            day += ONE_DAY
        if self.keeps and (self.state() != before or today == self.begin):
            self.dealt.append((today, before, self.posted[already:]))

    def work(self, today):
        """Post what falls due on one day. What was recorded on this day is known already."""
        end = known_end(self.assignment, today)
        if today == self.start:
            self.once(today)
        self.open_period(today, end)
        for period in self.periods:
            if not period["settled"]:
                self.settle(period, today, end)
            elif self.is_reached(period, today, end):
                self.correct(period, today, end)
            if period["settled"] and self.measured and self.spend_changed(period, today, end):
                self.correct(period, today, end, late=True)

    # --- setup and one-off

    def once(self, today):
        if today < self.begin:
            return
        for kind, cost, retail in self.once_prices(today):
            sums = self.whole_amounts(today, cost, retail)
            self.charged_once[kind] = {"sums": sums, "rate": self.rate(today), "posted": any(sums)}
            self.line(kind, today, sums, today, retail)

    def once_prices(self, today):
        """What is charged on the start date alone, at which cost and price."""
        cost, retail, setup_cost, setup_retail = self.prices(today)
        found = [("setup", setup_cost, setup_retail)]
        if holding(self.package["schedules"], today)[0] == "none":
            found.append(("one_off", cost, retail))
        return found

    def whole_amounts(self, today, cost, retail):
        quantity = self.quantity(today)
        return self.with_tax(
            rounded(retail * quantity, self.currency),
            rounded(cost * quantity, self.currency),
            self.rate(today),
        )

    # --- periods

    def open_period(self, today, end):
        """Begin a period on the start date, on a charge date, on the day to charge from."""
        if holding(self.package["schedules"], self.start)[0] == "none":
            return
        in_force = tuple(holding(self.package["schedules"], today))
        if today == self.start:
            self.schedule, self.anchor = in_force, today
            self.grid = self.whole_period(today)
            partial_start = self.grid[0] != today
        elif today == self.grid[1]:
            # What begins here is whole, or is the days from an old schedule to a new one's match day.
            if in_force != self.schedule:
                self.schedule, self.anchor = in_force, today
            self.grid = self.whole_period(today)
            partial_start = False
        elif today == self.begin:
            partial_start = True
        else:
            return
        if today < self.begin or (partial_start and not self.by_days):
            return
        if end is not None and today > end:
            return
        cost, retail, _, _ = self.prices(today)
        self.periods.append(
            {
                "from": today,
                "next": self.grid[1],
                "whole": (self.grid[1] - self.grid[0]).days,
                "cost": cost,
                "retail": retail,
                "quantity": self.quantity(today),
                "settled": False,
                "rate": None,
                "sums": NOTHING,
                "number": 0,
                "end": None,  # the end date, and the spend, that it was last worked out with
                "spent": None,
                "dated": None,
            }
        )

    def whole_period(self, today):
        """The whole period a day lies in, from charge date to charge date."""
        first = charge_date_until(today, self.schedule, self.anchor)
        return first, charge_date_after(today, self.schedule, self.anchor)

    def until(self, period, end):
        """Up to where a period runs, with the end date that is known."""
        if end is None or not (self.by_days or self.measured):
            return period["next"]
        return max(period["from"], min(period["next"], end + ONE_DAY))

    def should(self, period, end, spent=None):
        """What a period should come to, with the end date that is known: amount, cost."""
        days = (self.until(period, end) - period["from"]).days
        if not (self.by_days or self.measured) and end is not None and period["from"] > end:
            days = 0
        fraction = Fraction(days, period["whole"])
        amount = Fraction(period["retail"]) * period["quantity"] * fraction
        cost = Fraction(period["cost"]) * period["quantity"] * fraction
        if self.measured:
            if spent is None:
                spent = self.spend(period["from"], self.until(period, end))
            amount = max(Fraction(0), amount - spent)
        return rounded(amount, self.currency), rounded(cost, self.currency)

    def spend(self, since, until):
        """What the customer's calls cost after free minutes, on the DID if it is for one."""
        return sum(
            (call.spend for call in self.calls.known_of(self.customer["key"], self.assignment["did"])
             if since <= call.day < until),
            Fraction(0),
        )  # fmt: skip

    def is_reached(self, period, today, end):
        """Whether an end date that changed today, or passed yesterday, lies within a period or before it."""
        before = known_end(self.assignment, today - ONE_DAY)
        ends = [end, before] if end != before else [end] if end and today == end + ONE_DAY else []
        return any(known and period["next"] > known + ONE_DAY for known in ends)

    def spend_changed(self, period, today, end):
        """Whether calls came in, or were covered anew, for a period that ended no more than 90 days ago."""
        days = self.calls.changed_of(self.customer["key"], today)
        return any(period["from"] <= day < period["next"] for day in days) and (
            today - self.until(period, end) <= 90 * ONE_DAY
        )

    def settle(self, period, today, end):
        """Post what the schedule brings for a period; a minimum spend once it is over."""
        until = self.until(period, end)
        if until == period["from"]:  # a running minimum spend, ended before it began
            return
        dated = until if self.measured else period["from"]
        if self.measured and today < until + self.wait:
            return
        period["settled"] = True
        period["end"], period["dated"], period["spent"] = end, dated, self.spend(period["from"], until)
        period["rate"] = self.rate(dated)
        period["sums"] = self.with_tax(*self.should(period, end), period["rate"])
        kind = "minimum_spend" if self.measured else "recurring"
        self.line(kind, today, period["sums"], dated, period["retail"], period, until)

    def correct(self, period, today, end, late=False):
        """Post what it should come to less what was posted; if less, after the last day, or for late calls."""
        should = self.with_tax(*self.should(period, end), period["rate"])
        change = tuple(new - old for new, old in zip(should, period["sums"], strict=True))
        amount, cost, tax = change
        sign = amount or cost or tax
        waits = (
            end is not None and today <= end and self.until(period, end) < self.until(period, period["end"])
        )
        if sign == 0 and not waits:
            period["end"], period["spent"] = end, self.spend(period["from"], self.until(period, end))
        if sign == 0 or (sign < 0 and not late and today <= end):
            return
        period["end"], period["spent"] = end, self.spend(period["from"], self.until(period, end))
        period["number"] += 1
        period["sums"] = should
        self.line(
            "credit" if sign < 0 else "difference",
            today,
            change,
            today,
            period["retail"],
            period,
            self.until(period, end),
        )

    # --- undoing a run

    def state(self):
        """Where it stands: all that the runs to come go by."""
        names = ("schedule", "anchor", "grid", "periods", "charged_once", "again_from")
        return deepcopy({name: getattr(self, name) for name in names})

    def undo(self, day, today):
        """Undo the run of a day, unless something followed it: put back where it stood, and mirror its lines."""
        if not self.dealt or self.dealt[-1][0] != day:
            return
        _, before, lines = self.dealt.pop()
        vars(self).update(before)
        self.again_from = self.again_from or day
        for line in lines:
            mirrored = {name: -line[name] for name in ("amount", "cost", "tax")}
            number = self.number("undo", line["period_from"])
            self.posted.append({**line, **mirrored, "kind": "undo", "posted_on": today, "number": number})
        self.begin_anew(today)

    def begin_anew(self, today):
        """Where no run has dealt with it (any more), its end date is as if it had always been so."""
        if self.keeps and not self.dealt:
            self.assignment["ends"] = [(ALWAYS, known_end(self.assignment, today))]

    def count_anew(self, today):
        """There, a quantity that holds from today on or before is the quantity from the beginning on."""
        if self.keeps and not self.dealt:
            later = [entry for entry in self.assignment["quantities"] if entry[0] > today]
            self.assignment["quantities"] = [(ALWAYS, self.quantity(today)), *later]

    # --- correcting back to a day

    def correct_back(self, since, today):
        """What was charged for days since a day is put right, at the terms that now hold since then."""
        if since <= self.start and self.charged_once:
            for kind, cost, retail in self.once_prices(self.start):
                self.correct_once(kind, cost, retail, today)
        for period in self.periods:
            if period["from"] < since:
                continue
            period["cost"], period["retail"], _, _ = self.prices(period["from"])
            period["quantity"] = self.quantity(period["from"])
            if period["settled"]:
                should = self.should(period, period["end"], period["spent"])
                self.put_right(period, self.with_tax(*should, period["rate"]), today)

    def correct_rate(self, since, today):
        """The tax of what is dated since a day is put right, at the rates that now hold since then."""
        if since <= self.start:
            for kind, _, retail in self.once_prices(self.start) if self.charged_once else ():
                once = self.charged_once[kind]
                once["rate"] = self.rate(self.start)
                self.put_once_right(kind, self.with_tax(*once["sums"][:2], once["rate"]), retail, today)
        for period in self.periods:
            if period["settled"] and period["dated"] >= since:
                period["rate"] = self.rate(period["dated"])
                self.put_right(period, self.with_tax(*period["sums"][:2], period["rate"]), today)

    def put_right(self, period, should, today):
        change = tuple(new - old for new, old in zip(should, period["sums"], strict=True))
        if not any(change):
            return
        period["sums"] = should
        period["number"] += 1
        kind = "credit" if change < NOTHING else "difference"
        until = self.until(period, period["end"])
        self.line(kind, today, change, today, period["retail"], period, until)
        self.dealt.append((None, None, []))

    def correct_once(self, kind, cost, retail, today):
        amounts = (rounded(price * self.quantity(self.start), self.currency) for price in (retail, cost))
        self.put_once_right(kind, self.with_tax(*amounts, self.charged_once[kind]["rate"]), retail, today)

    def put_once_right(self, kind, should, retail, today):
        once = self.charged_once[kind]
        change = tuple(new - old for new, old in zip(should, once["sums"], strict=True))
        if not any(change):
            return
        named = ("credit" if change < NOTHING else "difference") if once["posted"] else kind
        once["sums"], once["posted"] = should, True
        self.line(named, today, change, today, retail)
        self.posted[-1]["quantity"] = self.quantity(self.start)
        self.dealt.append((None, None, []))

    # --- terms, and the ledger

    def prices(self, day):
        """Cost, retail, setup cost, setup retail: the assignment's own where it has one, else the package's."""
        own = [self.own_price(name, day) for name in ("cost", "retail", "setup_cost", "setup_retail")]
        of_package = holding(self.package["prices"][self.currency], day)
        return [
            Decimal(str(theirs if mine is None else mine))
            for mine, theirs in zip(own, of_package, strict=True)
        ]

    def own_price(self, name, day):
        found = holding(self.assignment.get("own_prices", {}).get(name, []), day)
        return found[0] if found else None

    def quantity(self, day):
        return holding(self.assignment["quantities"], day)[0]

    def rate(self, day):
        return Decimal(str(holding(self.customer["tax_rates"], day)[0]))

    def with_tax(self, amount, cost, rate):
        return amount, cost, rounded(Fraction(amount) * Fraction(rate) / 100, self.currency)

    def number(self, kind, period_from, number=0):
        """A number that no line of the kind and period has had; credits and differences are counted together."""
        key = (ORDER[kind], period_from)
        self.numbers[key] = max(number, self.numbers.get(key, -1) + 1)
        return self.numbers[key]

    def line(self, kind, today, sums, dated, unit_price, period=None, until=None):
        amount, cost, tax = sums
        if amount == 0 and cost == 0 and tax == 0:
            return
        self.posted.append(
            {
                "posted_on": max(today, self.today),
                "date": dated,
                "assignment": self.index,
                "kind": kind,
                "number": self.number(kind, period and period["from"], period["number"] if period else 0),
                "period_from": period["from"] if period else None,
                "period_until": until,
                "quantity": period["quantity"] if period else self.quantity(dated),
                "unit_price": unit_price,
                "amount": amount,
                "cost": cost,
                "tax_rate": period["rate"] if period else self.rate(dated),
                "tax": tax,
            }
        )


def one(things, key):
    """The one thing of this key."""
    return next(thing for thing in things if thing["key"] == key)


def right(entries, since, place, value, for_good, changed):
    """Let a value be another one from a day until it next changes. `changed`: days on which it once did."""
    days = sorted({since, *(entry[0] for entry in entries), *changed})
    values = {day: list(holding(entries, day)) for day in days}
    for day in days[1:]:
        if text(values[day][place]) != text(holding(entries, day - ONE_DAY)[place]):
            changed.add(day)
    until = min((day for day in changed if day > since), default=None)
    for day in days:
        if day >= since and (for_good or until is None or day < until):
            values[day][place] = value
    entries[:] = [(day, *found) for day, found in values.items()]


def text(value):
    """A price, a rate or a quantity, however it is written."""
    return None if value is None else Decimal(str(value)).normalize()


def in_order(charge):
    """Lines of one day stand by assignment, then by kind."""
    return (
        charge["assignment"],
        ORDER[charge["kind"]],
        charge["period_from"] or ALWAYS,
        charge["number"],
    )


def charges(portfolio):
    """Every charge that runs on each day, up to and including `through`, post."""
    portfolio = {**deepcopy(portfolio), "calls": Calls(portfolio["usage"])}
    walks = [Walk(portfolio, index) for index in range(len(portfolio["assignments"]))]
    bundles = [walk for walk in walks if walk.free]
    today = min((walk.start for walk in walks), default=portfolio["through"])
    while today <= portfolio["through"]:
        for day, what in portfolio.get("happens", []):
            if day == today:
                what(portfolio, walks)
        for walk in bundles:
            walk.step(today)
        portfolio["calls"].know(today, bundles)
        for walk in walks:
            if not walk.free:
                walk.step(today)
        today += ONE_DAY
    posted = [charge for walk in walks for charge in walk.posted]
    return sorted(posted, key=lambda charge: (charge["posted_on"], *in_order(charge)))
