"""What a person waits for: every list and its middle, on a portal with very many rows on one day.

CPU is what the portal itself worked (with SQLite, the store too): on a machine that is busy, trust that.
"""

from collections.abc import Iterator
from statistics import median
from time import perf_counter, process_time
from typing import Any

from flask import Flask, url_for

from benchmarks import large
from benchmarks.stores import store
from benchmarks.table import show
from portal.services.people.people import create_staff

GOAL = 50  # milliseconds, at the median
TIMES = 15
PASSWORD = "a long enough password"


def measure(kind: str, assignments: int, charges: int) -> None:
    """Ask for each page some times, signed in as an owner."""
    with store(kind, large.TODAY.isoformat()) as app:
        from portal.extensions import db

        create_staff("bench@lumen.example", "Bench", PASSWORD, "owner")
        db.session.commit()
        large.provider(assignments)
        large.charges(charges, charges, assignments)
        large.settle()
        client = app.test_client()
        client.post("/login", data={"email": "bench@lumen.example", "password": PASSWORD})
        rows = [_time(client, words, address) for words, address in _addresses(app, assignments, charges)]
    show(
        f"Pages on {kind}: {assignments:,} assignments, {2 * charges:,} charges, {charges:,} of them on one day",
        ("page", "first", "median", "worst", "CPU", "size", f"goal {GOAL} ms"),
        rows,
    )


def _time(client: Any, words: str, address: str) -> tuple[str, ...]:
    times, busy = [], []
    for _ in range(TIMES):
        begun, worked = perf_counter(), process_time()
        answer = client.get(address)
        times.append((perf_counter() - begun) * 1000)
        busy.append((process_time() - worked) * 1000)
    middle = median(times)
    verdict = "kept" if middle <= GOAL else "missed"
    if answer.status_code != 200:
        verdict = f"answers {answer.status_code}"
    return (
        words,
        f"{times[0]:.0f} ms",
        f"{middle:.1f} ms",
        f"{max(times[1:]):.1f} ms",
        f"{median(busy):.1f} ms",
        f"{len(answer.data) / 1024:.0f} KB",
        verdict,
    )


def _addresses(app: Flask, assignments: int, charges: int) -> Iterator[tuple[str, str]]:
    """The pages that there are, with words for each."""
    middle = {
        "customers": assignments // large.OF_A_CUSTOMER // 2,
        "dids": assignments // 4,
        "charges": charges // 2,
    }
    with app.test_request_context():
        for words, endpoint, values in (
            ("Overview", "overview.show", {}),
            ("Packages", "packages.index", {}),
            ("One package", "packages.show", {"package_id": 1}),
            ("Customers", "customers.index", {}),
            ("Customers, the middle", "customers.index", {"after": middle["customers"]}),
            ("Customers, by what is to pay", "customers.index", {"sort": "-to_pay"}),
            ("Owed", "owed.index", {}),
            ("Customers, searched", "customers.index", {"q": "customer 77"}),
            ("One customer", "customers.show", {"customer_id": 1}),
            ("DIDs", "dids.index", {}),
            ("DIDs, the middle", "dids.index", {"after": middle["dids"]}),
            ("DIDs, searched", "dids.index", {"q": "0077"}),
            ("One DID", "dids.show", {"did_id": 1}),
            ("Charges", "charges.index", {}),
            ("Charges, in the middle of the day", "charges.index", {"after": middle["charges"]}),
            ("Charges of one customer", "charges.index", {"q": "customer 77"}),
            ("One charge", "charges.show", {"charge_id": charges // 2}),
            ("Upcoming charges", "upcoming.index", {}),
            ("Held assignments", "holds.index", {}),
            ("Calls", "calls.index", {}),
            ("Charge summary of one customer", "summary.show", {"customer_id": 1}),
            ("Credit of one customer", "credit.show", {"customer_id": 1}),
            ("One assignment", "assignments.show", {"assignment_id": 1}),
            ("Runs", "runs.index", {}),
            ("Run Package", "runs.new", {}),
            ("Settings", "settings.index", {}),
        ):
            if endpoint in app.view_functions:
                yield words, url_for(endpoint, **values)
