"""A provider who moves in from files is charged, next, exactly what a calculation from those files alone says."""

import csv
import io
from calendar import monthrange
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.extensions import db
from portal.models import Assignment, BalanceEntry, Charge, Customer, EntrySource, FileKind, ImportState
from portal.services.runs import runs
from tests.calling import taken_in
from tests.services.moving_in.moving import BY, NOW, clock, counts, moved
from tests.trade import TODAY

pytestmark = pytest.mark.usefixtures("session")

CENT = Decimal("0.01")
# Until when runs are made, after the day on which everything is moved in.
LATER = date(2027, 2, 20)
COMMITMENT = "Commitment 50"


class Provider:
    """Made-up files of customers, packages, assignments and opening items: what an old system might have exported."""

    def __init__(self, seed: int, customers: int, packages: int, assignments: int) -> None:
        draw = Random(seed)
        self.customers = [
            {
                "Name": f"Customer {number}", "Account Code": f"C-{number:03}",
                "Currency": "GBP" if number % 5 else "EUR", "Tax Rate": draw.choice(("0", "19", "20")),
            }
            for number in range(customers)
        ]  # fmt: skip
        self.packages = []
        for number in range(packages):
            frequency = draw.choice(("Monthly", "Monthly", "Monthly", "Quarterly", "Yearly", "Weekly"))
            match = draw.choice(("1", "15, 31", "")) if frequency == "Monthly" else ""
            retail = Decimal(draw.randint(100, 9_999)) / 100
            for currency, rate in (("GBP", Decimal(1)), ("EUR", Decimal("1.2"))):
                self.packages.append(
                    {
                        "Name": f"Package {number}", "Currency": currency, "Frequency": frequency,
                        "Frequency Match": match, "Retail": str(retail * rate), "Setup Retail": "25",
                        "Cost": "1", "Partial Periods": ("Not charged", "By days")[number % 2],
                    }
                )  # fmt: skip
        self.assignments = []
        for number in range(assignments):
            begins = date(2026, 11, 20) - timedelta(days=draw.randint(40, 1_500))
            self.assignments.append(
                {
                    "Reference": f"S-{number}", "Account Code": f"C-{draw.randrange(customers):03}",
                    "Package": f"Package {draw.randrange(packages)}", "Quantity": str(draw.randint(1, 9)),
                    "Start Date": begins.isoformat(),
                    # Some are charged up to a day in the middle of a period, some up to a charge date.
                    "Charge From": (date(2026, 11, 23) + timedelta(days=draw.randint(0, 60))).isoformat(),
                    "Own Retail": str(Decimal(draw.randint(100, 999)) / 100) if number % 7 == 0 else "",
                }
            )  # fmt: skip
        self.packages += [
            {
                "Name": COMMITMENT, "Currency": currency, "Frequency": "Monthly", "Frequency Match": "1",
                "Retail": "50", "Cost": "0", "Partial Periods": "By days", "Minimum Spend": "yes",
            }
            for currency in ("GBP", "EUR")
        ]  # fmt: skip
        self.assignments += [
            {
                "Reference": f"M-{number}", "Account Code": f"C-{number:03}", "Package": COMMITMENT, "Quantity": "1",
                "Start Date": "2026-02-10", "Charge From": "2026-11-01", "Own Retail": "",
            }
            for number in range(0, customers, 5)
        ]  # fmt: skip
        # A month of calls: whose, on which day of November, and what they cost.
        self.calls = [
            (f"C-{draw.randrange(customers):03}", draw.randint(1, 21), Decimal(draw.randint(1, 4_000)) / 100)
            for _ in range(3 * customers)
        ]
        self.opening = [
            {
                "Customer": f"Customer {draw.randrange(customers)}", "Number": f"INV-{number}",
                "Date": (TODAY - timedelta(days=draw.randint(1, 200))).isoformat(),
                "Amount Due": str(Decimal(draw.randint(-2_000, 9_999)) / 100 or 1),
            }
            for number in range(customers)
        ]  # fmt: skip

    def file_of_calls(self) -> str:
        """The calls, as CSV."""
        lines = (
            f"call-{place},{code},2026-11-{day:02} 09:30:00,60,442071234567,{cost}"
            for place, (code, day, cost) in enumerate(self.calls)
        )
        return "\n".join(("Call ID,Account Code,Start Time,Seconds,Destination,Charge", *lines)) + "\n"

    def file(self, name: str) -> str:
        """One of the files, as CSV."""
        rows = getattr(self, name)
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0] | rows[-1]))
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()


# -- the calculation: from the files alone, a day at a time


@cache
def charge_days(frequency: str, match_days: str, begins: date) -> list[date]:
    """The charge dates from two years before the moving in to three years after, a day at a time."""
    match = [int(day) for day in match_days.split(",") if day.strip()] or [begins.day]
    every = {"Monthly": 1, "Quarterly": 3, "Yearly": 12, "Weekly": 0}[frequency]
    found, day = [], TODAY - timedelta(days=800)
    while day < TODAY + timedelta(days=1_100):
        last = monthrange(day.year, day.month)[1]
        apart = (day.year - begins.year) * 12 + day.month - begins.month
        if every and apart % every == 0 and day.day in {min(one, last) for one in match}:
            found.append(day)
        if not every and day.weekday() == begins.weekday():
            found.append(day)
        day += timedelta(days=1)
    return found


def expected(provider: Provider, through: date) -> Counter[tuple[str, date, Decimal]]:
    """What falls due up to a day: (reference, charge date, amount before tax), in this order of thoughts.

    A commitment is what is missing of 50 a month, settled when the month is over: November's calls are in the file.
    From the first day that was not charged, the part of a period up to the next charge date is charged by days or
    not at all, as the package says; then each period in full, on its first day. Setup was charged there.
    """
    packages = {(row["Name"], row["Currency"]): row for row in provider.packages}
    currency = {row["Account Code"]: row["Currency"] for row in provider.customers}
    found: Counter[tuple[str, date, Decimal]] = Counter()
    for line in provider.assignments:
        package = packages[line["Package"], currency[line["Account Code"]]]
        each = Decimal(line["Own Retail"] or package["Retail"]) * int(line["Quantity"])
        if line["Package"] == COMMITMENT:
            spent = sum(cost for code, _, cost in provider.calls if code == line["Account Code"])
            for on, missing in (
                (date(2026, 12, 1), each - spent),
                (date(2027, 1, 1), each),
                (date(2027, 2, 1), each),
            ):
                if on < through and missing > 0:  # it waits a day for late calls
                    found[line["Reference"], on, missing] += 1
            continue
        begins = date.fromisoformat(line["Charge From"])
        start = date.fromisoformat(line["Start Date"])
        days = charge_days(package["Frequency"], package["Frequency Match"], start)
        for first, following in pairwise(days):
            if begins <= first <= through:
                found[line["Reference"], first, each.quantize(CENT, ROUND_HALF_UP)] += 1
            elif first < begins < following and begins <= through and package["Partial Periods"] == "By days":
                part = each * (following - begins).days / (following - first).days
                found[line["Reference"], begins, part.quantize(CENT, ROUND_HALF_UP)] += 1
    return found


def posted() -> Counter[tuple[str, date, Decimal]]:
    """What the runs have posted of the assignments."""
    query = (
        select(Assignment.reference, Charge.charge_on, Charge.amount)
        .join(Assignment, Assignment.id == Charge.assignment_id)
        .where(Charge.run_id.is_not(None))
    )
    return Counter((reference, on, amount) for reference, on, amount in db.session.execute(query))


def run(day: date) -> None:
    made = runs.start(day, simulate=False, today=day, by=BY, now=NOW)
    db.session.commit()
    runs.carry_out(made.id, day, clock)
    db.session.expire_all()


@pytest.mark.parametrize(
    ("seed", "customers", "packages", "assignments"),
    [
        (1, 12, 6, 60),
        (2, 12, 6, 60),
        pytest.param(3, 300, 12, 900, marks=pytest.mark.slow),
    ],
)
def test_the_next_runs_charge_what_a_calculation_from_the_files_says(
    tmp_path: Path, seed: int, customers: int, packages: int, assignments: int
) -> None:
    provider = Provider(seed, customers, packages, assignments)
    for kind, name in (
        (FileKind.CUSTOMERS, "customers"), (FileKind.PACKAGES, "packages"),
        (FileKind.ASSIGNMENTS, "assignments"), (FileKind.OPENING, "opening"),
    ):  # fmt: skip
        import_ = moved(kind, provider.file(name), name=f"{name}.csv")
        assert (import_.state, counts(import_)[4]) == (ImportState.DONE, 0), name
    file = tmp_path / "calls.csv"
    file.write_text(provider.file_of_calls())
    taken_in(file, TODAY)
    for day in (date(2026, 12, 1), date(2026, 12, 31), LATER):
        run(day)
        assert posted() == expected(provider, day)
    assert posted().total() > assignments
    assert db.session.scalar(select(func.count()).where(Charge.kind == Kind.SETUP)) == 0
    owed: Counter[str] = Counter()
    for line in provider.opening:
        owed[line["Customer"]] += max(Decimal(line["Amount Due"]), Decimal(0))
    items = select(Customer.name, func.sum(Charge.amount)).join(Customer, Customer.id == Charge.customer_id)
    items = items.where(Charge.kind == Kind.OPENING_ITEM).group_by(Customer.name)
    assert dict(db.session.execute(items).all()) == {name: amount for name, amount in owed.items() if amount}
    credits = select(func.sum(BalanceEntry.amount)).where(BalanceEntry.source == EntrySource.ADJUSTMENT)
    assert -db.session.scalar(credits) == sum(
        min(Decimal(line["Amount Due"]), Decimal(0)) for line in provider.opening
    )
