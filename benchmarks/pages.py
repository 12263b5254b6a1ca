"""What a person waits for: every page, on a portfolio of a thousand assignments and on a large one.

A page is kept where its median stays under 50 ms, its 95th percentile under 100 ms, and it is no slower with very many
assignments than with a thousand: 1.3 times at most, or 10 ms more. Each is asked for once before it is timed.
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import func, select
from werkzeug.routing import BuildError, Rule

from benchmarks import around, large
from benchmarks.stores import store
from benchmarks.table import show
from portal import serving
from portal.extensions import db
from portal.models import (
    Allocation,
    Assignment,
    BankLine,
    BankStatement,
    CallImport,
    Charge,
    Correction,
    Customer,
    Did,
    MoveImport,
    Note,
    Package,
    Payment,
    PaymentBack,
    Run,
)
from portal.models.user import CUSTOMER_OWNER
from portal.services import portfolio
from portal.services.people import people
from tests import world
from tests.role_table import rows as roles

Clock = Callable[[], float]
FEW = 1_000
MEDIAN, P95 = 50, 100  # milliseconds at most
TIMES_FEW, MORE = 1.3, 10  # the median of a few assignments, so many times or milliseconds more
A_YEAR = 22  # charges of an assignment of the portfolio
ASKED = 20
BLOCKS = ("PERSONAL", "STAFF", "CHANGE", "OWNER", "MINE", "MY_OWNER")
# What each part of an address stands for.
PARTS = {
    "allocation_id": Allocation,
    "assignment_id": Assignment,
    "charge_id": Charge,
    "correction_id": Correction,
    "customer_id": Customer,
    "did_id": Did,
    "import_id": CallImport,
    "line_id": BankLine,
    "move_id": MoveImport,
    "note_id": Note,
    "package_id": Package,
    "payment_back_id": PaymentBack,
    "payment_id": Payment,
    "run_id": Run,
    "statement_id": BankStatement,
}
SAID = {"form": "csv", "kind": "customers", "month": "2026-10", "noun": "dids"}
# Lists as people ask for them; a name in braces is the id of a row in the middle.
ASKED_FOR = """
/customers?after={customer_id}
/customers?q=bakery+zoe
/customers?q=an
/customers?q=qqzzy
/customers?currency=USD
/customers?state=archived
/customers?sort=-to_pay
/customers?sort=-recurring
/customers?sort=-balance&currency=EUR
/customers?sort=-to_pay&after={customer_id}
/customers?sort=-added
/customers/suggestions?customer=harbour+b
/search?q=ha
/search?q=bakery+zoe
/dids?after={did_id}
/dids?q=0077
/dids?q=007712
/dids?q=%2B4420
/dids?q=bakery
/dids?state=stock
/dids?state=customer&country=US
/dids?sort=-added
/charges?after={charge_id}
/charges?q=bakery+zoe
/charges?q=bakery
/charges?q=0077
/charges?q=phone
/charges?kind=setup
/charges?kind=manual
/charges?kind=recurring&currency=EUR
/charges?paid=to_pay
/charges?paid=overdue
/charges?paid=paid
/charges?paid=part_paid
/charges?from=2026-11-01&to=2026-11-22
/charges?sort=posted
/charges?customer={customer_id}
/payments?q=bakery
/payments?q=abc123
/payments?state=completed&after={payment_id}
/payments?sort=-amount
/payments?currency=EUR
/owed?sort=name
/owed?currency=EUR
/owed?on=2026-11-01
/charges/upcoming
/packages?sort=-margin
/packages?q=phone
/settings/audit?q=price
/runs?after={run_id}
/calls/found?number=44161
"""


class Timed(NamedTuple):
    """How long answers took, in milliseconds, and how many bytes the last one had."""

    status: int
    first: float
    median: float
    p95: float
    size: int


def measure(kind: str, assignments: int, charges: int) -> None:
    """Ask for each page some times, signed in as whom it is for, on few assignments and on many.

    Both were charged for as many days as it takes to post about so many `charges` on the many.
    """
    days = max(math.ceil(charges / assignments * 365 / A_YEAR), 1)
    few, many = (_timed_on(kind, count, days) for count in (FEW, assignments))
    show(
        f"Pages on {kind}: {assignments:,} assignments, charged for {days} days, beside {FEW:,}",
        ("page", "first", "median", "p95", f"of {FEW:,}", "ratio", "size", ""),
        [_row(page, few.get(page), timed) for page, timed in many.items()],
    )


def _row(page: str, few: Timed | None, many: Timed) -> tuple[str, ...]:
    before = few.median if few and few.status == many.status else many.median
    is_kept = many.median <= MEDIAN and many.p95 <= P95
    is_kept &= many.median <= max(before * TIMES_FEW, before + MORE)
    verdict = "kept" if is_kept else "missed"
    return (
        page,
        f"{many.first:.0f} ms",
        f"{many.median:.1f} ms",
        f"{many.p95:.1f} ms",
        f"{before:.1f} ms",
        f"{many.median / before:.1f}",
        f"{many.size / 1024:.0f} KB",
        verdict if many.status == 200 else f"{verdict}, answers {many.status}",
    )


def _timed_on(kind: str, assignments: int, days: int) -> dict[str, Timed]:
    """Each page on a portfolio of so many assignments, after so many days of runs, payments and changes."""
    with store(kind, large.TODAY.isoformat()) as app:
        since = large.TODAY - timedelta(days=days)
        portfolio.write(assignments, since)
        portfolio.live(since, large.TODAY)
        calls(assignments)
        around.fill_up()
        look_over()
        return timed(app)


def timed(app: Flask) -> dict[str, Timed]:
    """Each page, asked for by whom it is for; those that are about one customer also for the largest."""
    serving.settle()  # as a process does that serves
    staff = sign_in_staff(app)
    found = {}
    for whose, words in ((_middle(Customer), ""), (portfolio.largest().id, ", the largest")):
        customer = db.session.get_one(Customer, whose)
        theirs = _signed_in(app, _person(f"bench{whose}@lumen.example", CUSTOMER_OWNER, whose))
        parts = _parts(customer)
        for name, rule in _rules(app):
            if words and not (name.startswith("my.") or "customer_id" in rule.arguments):
                continue
            if address := _address(app, rule, parts):
                client = theirs if name.startswith("my.") else staff
                found[name + words] = ask(client, f"{address}?customer_id={whose}")
    middle = _parts(db.session.get_one(Customer, _middle(Customer)))
    for address in ASKED_FOR.split():
        found[address] = ask(staff, address.format(**middle))
    return found


def ask(client: Any, address: str, asked: dict[str, str] | None = None, clock: Clock = perf_counter) -> Timed:
    """How long a page takes, and a file until it begins; a part of a page is asked for as a script does."""
    db.session.rollback()
    status, first, _ = _asked(client, address, asked, {}, clock)
    headers = {"HX-Request": "true"} if status in (302, 303) else {}
    again = [_asked(client, address, asked, headers, clock) for _ in range(ASKED)]
    times = sorted(took for _, took, _ in again)
    return Timed(again[-1][0], first, median(times), times[int(len(times) * 0.95) - 1], again[-1][2])


def _asked(
    client: Any, address: str, asked: dict[str, str] | None, headers: dict[str, str], clock: Clock
) -> tuple[int, float, int]:
    """Status, milliseconds and bytes of an answer; of a file that is sent as it is read there are none."""
    begun = clock()
    answer = client.get(address, headers=headers, query_string=asked, buffered=False)
    took = (clock() - begun) * 1000
    answer.close()
    return answer.status_code, took, int(answer.headers.get("Content-Length", 0))


def _rules(app: Flask) -> Iterator[tuple[str, Rule]]:
    """Every page that somebody who is signed in may ask for."""
    asked = {name.split()[1] for name, block in roles().items() if block in BLOCKS and name.startswith("GET")}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
        if rule.endpoint in asked and "GET" in (rule.methods or ()):
            yield rule.endpoint, rule


def _address(app: Flask, rule: Rule, parts: dict[str, Any]) -> str | None:
    """A rule's address, with what there is in the middle for its parts; None where there is none of it."""
    try:
        with app.test_request_context():
            built = rule.build({part: parts[part] for part in rule.arguments}, append_unknown=False)
    except (KeyError, BuildError):
        return None
    return built[1] if built else None


def _parts(customer: Customer) -> dict[str, Any]:
    found = {name: id for name, model in PARTS.items() if (id := _middle(model))}
    of_theirs = {
        name: db.session.scalar(
            select(model.id).where(model.customer_id == customer.id).order_by(model.id.desc()).limit(1)
        )
        for name, model in (
            ("assignment_id", Assignment),
            ("charge_id", Charge),
            ("did_id", Did),
            ("note_id", Note),
            ("payment_id", Payment),
        )
    }
    return found | {name: id for name, id in of_theirs.items() if id} | SAID | {"customer_id": customer.id}


def _middle(model: Any) -> int | None:
    """The id of a row in the middle, None where there is none."""
    last = db.session.scalar(select(func.max(model.id))) or 0
    return (
        db.session.scalar(select(model.id).where(model.id >= last // 2 + 1).order_by(model.id).limit(1))
        or last
        or None
    )


def _person(email: str, role: str, customer_id: int | None = None) -> Any:
    return people.find_by_email(email) or people.create(email, "Bench", world.PASSWORD, role, customer_id)


def sign_in_staff(app: Flask) -> Any:
    """A browser in which an owner is signed in."""
    return _signed_in(app, _person("bench@lumen.example", "owner"))


def _signed_in(app: Flask, person: Any) -> Any:
    db.session.flush()
    cookie = world.cookie_of(person)
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as session:
        session.update(cookie, _fresh=True, fs_paa=world.time.time())
    return client


def calls(count: int) -> None:
    """As many calls as there are assignments, spread over customers with DIDs and the last thirty days."""
    dids = db.session.execute(
        select(Did.id, Did.customer_id).where(Did.customer_id.is_not(None)).order_by(Did.id)
    ).all()
    taken_in = CallImport(
        file_name="calls.csv", state="done", started_at=large.NOW, heartbeat_at=large.NOW, taken_count=count
    )
    db.session.add(taken_in)
    db.session.flush()
    portfolio.fill(
        "call",
        "id customer_id call_id did_id day started_at destination seconds amount cost covered_seconds "
        "covered_amount came_in_on import_id".split(),
        _calls(count, dids, taken_in.id),
    )
    db.session.commit()


def _calls(count: int, dids: Any, import_id: int) -> Iterator[tuple[Any, ...]]:
    for n in range(1, count + 1):
        did, customer = dids[n % len(dids)]
        day = large.TODAY - timedelta(days=n % 30)
        started = datetime.combine(day, time(n % 24, n % 60), UTC)
        amount = n % 97 * large.MICROS // 100
        yield (
            n, customer, f"call-{n}", did, day, started, f"44161{n % 10_000_000:07d}", n % 600, amount, amount // 2, 0,
            0, day, import_id,
        )  # fmt: skip


def look_over() -> None:
    """Let the store look at what it holds, as it does by and by."""
    raw: Any = db.session.connection().connection.driver_connection
    raw.cursor().execute("ANALYZE")
    db.session.commit()
