"""The one search on a large portfolio: fixed questions, as the box asks them while somebody types.

A question is kept where its 95th percentile stays under 50 ms.
"""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from benchmarks import large
from benchmarks.pages import Timed, ask, look_over, sign_in_staff
from benchmarks.stores import store
from benchmarks.table import show
from portal.domain.payment_reference import payment_reference
from portal.extensions import db
from portal.models import Customer, Did
from portal.services import portfolio
from portal.services.charges import opening_items
from portal.services.charges.opening_items import OpeningItem
from portal.services.credit import Act

P95 = 50  # milliseconds at most
DAYS = 5  # charged for, so that there is something to pay
# What is asked; a name in braces is of a DID in the middle.
QUESTIONS = (
    ("one letter", "b"),
    ("two letters", "ha"),
    ("none found", "qqzzy"),
    ("a customer's number", "#7"),
    ("two names that many have", "bakery zoe"),
    ("a DID, with +", "{number}"),
    ("a DID, as it is dialled", "{dialled}"),
    ("a DID, by its last digits", "{last}"),
    ("an amount", "12.50"),
    ("a payment's reference", "INV 1234"),
    ("a payment's that came back", "RET 12"),
    ("an opening item", "OLD-77"),
    ("a run's number", "run 3"),
    ("a contact by name", "nora 77"),
    ("a contact by phone", "0113 496 0077"),
    ("a customer's payment reference", payment_reference(77)),
    ("a town and the beginning of a name", "bristol ash"),
    ("an act and a name", "add payment harbour"),
)


def measure(kind: str, assignments: int) -> None:
    """Ask each question some times, on so many assignments that were charged for some days."""
    with store(kind, large.TODAY.isoformat()) as app:
        since = large.TODAY - timedelta(days=DAYS)
        portfolio.write(assignments, since)
        portfolio.live(since, large.TODAY)
        _say_more()
        look_over()
        client = sign_in_staff(app)
        did = db.session.get_one(Did, assignments // 4)
        words = {"number": did.number, "dialled": f"0{did.number[3:]}", "last": did.number[-6:]}
        found = {name: _asked(client, asked.format(**words)) for name, asked in QUESTIONS}
    show(
        f"The search on {kind}: {assignments:,} assignments",
        ("question", "first", "median", "p95", "size", ""),
        [_row(name, timed) for name, timed in found.items()],
    )


def _asked(client: Any, text: str) -> Timed:
    client.environ_base["HTTP_HX_REQUEST"] = "true"
    return ask(client, "/search", {"q": text})


# What the portfolio has not: bank references, payments that came back, and a contact of every customer.
SAID = (
    "UPDATE payment SET bank_reference = 'INV ' || id, reference_key = method || ' inv' || id",
    "INSERT INTO payment_back (token, customer_id, paid_on, amount, method, bank_reference, reference_key, created_by,"
    " created_at, version) SELECT 'b' || id, customer_id, paid_on, amount, method, 'RET ' || id, 'ret' || id, '',"
    " created_at, 1 FROM payment",
    "INSERT INTO contact (customer_id, name, role, email, phone, search_key) SELECT id, 'Nora ' || id, '', '',"
    " '+4411349' || (60000 + id % 10000), 'nora ' || id || ' +4411349' || (60000 + id % 10000) FROM customer",
)
OPENING_ITEMS = 200


def _say_more() -> None:
    """Let payments have references, customers contacts, and some of them opening items."""
    for said in SAID:
        db.session.execute(text(said))
    customers = db.session.scalars(
        select(Customer).where(Customer.archived_on.is_(None)).order_by(Customer.id).limit(OPENING_ITEMS)
    ).all()
    items = [
        OpeningItem(customer, f"OLD-{number}", large.TODAY, large.TODAY, Decimal(100))
        for number, customer in enumerate(customers)
    ]
    opening_items.lock({customer.id for customer in customers})
    opening_items.bring_in(items, Act(large.TODAY, "bench", datetime.combine(large.TODAY, time(), UTC)))
    db.session.commit()


def _row(name: str, timed: Timed) -> tuple[str, ...]:
    verdict = "kept" if timed.p95 <= P95 else "missed"
    return (
        name,
        f"{timed.first:.0f} ms",
        f"{timed.median:.1f} ms",
        f"{timed.p95:.1f} ms",
        f"{timed.size / 1024:.0f} KB",
        verdict if timed.status == 200 else f"{verdict}, answers {timed.status}",
    )
