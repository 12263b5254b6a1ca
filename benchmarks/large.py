"""A large provider, written straight into the tables: what the services would have made, in seconds."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from portal.extensions import db
from portal.services.portfolio import fill

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST = date(2000, 1, 1)
PACKAGES = 20
OF_A_CUSTOMER = 20  # assignments
MICROS = 1_000_000


def provider(assignments: int, due_on: date = TODAY) -> None:
    """Packages, customers, DIDs and assignments, all of them due on one day for the first time."""
    customers = max(assignments // OF_A_CUSTOMER, 1)
    _packages()
    fill(
        "customer",
        "id token name name_key search_key details_key company_details email address currency created_on created_at "
        "version".split(),
        (
            (
                n, f"c{n}", f"Customer {n}", f"customer {n}", f"customer {n}", "", "", "", "", "GBP", TODAY, NOW, 1,
            )
            for n in _ids(customers)
        ),
    )  # fmt: skip
    fill(
        "customer_tax_rate",
        "customer_id effective_from rate".split(),
        ((n, FIRST, 20 * MICROS) for n in _ids(customers)),
    )
    dids = max(assignments // 2, 1)
    fill(
        "did",
        "id number country customer_id created_at version".split(),
        ((n, f"+4420{n:08d}", "GB", n % customers + 1, NOW, 1) for n in _ids(dids)),
    )
    _assignments(assignments, customers, dids, due_on)
    db.session.commit()


def _packages() -> None:
    fill(
        "package",
        "id token name name_key search_key description type destination minimum_spend minimum_days proration "
        "created_at version".split(),
        (
            (
                n, f"p{n}", f"Package {n}", f"package {n}", f"package {n}", "", "standard", "", False, 0, "none",
                NOW, 1,
            )
            for n in _ids(PACKAGES)
        ),
    )  # fmt: skip
    fill(
        "package_schedule",
        "package_id effective_from frequency frequency_match".split(),
        ((n, FIRST, "monthly", "") for n in _ids(PACKAGES)),
    )
    fill(
        "package_price",
        "package_id currency effective_from cost retail setup_cost setup_retail".split(),
        ((n, "GBP", FIRST, 3 * MICROS, (5 + n) * MICROS, 0, 2 * MICROS) for n in _ids(PACKAGES)),
    )


def _assignments(count: int, customers: int, dids: int, due_on: date) -> None:
    fill(
        "assignment",
        "id token package_id customer_id did_id start_date minimum_days auto_decrement_credit override_reason "
        "override_by created_by created_at version".split(),
        (
            (
                n, f"a{n}", n % PACKAGES + 1, n % customers + 1, n if n <= dids else None, due_on, 0, n % 10 == 0,
                "", "", "", NOW, 1,
            )
            for n in _ids(count)
        ),
    )  # fmt: skip
    fill(
        "assignment_quantity",
        "assignment_id effective_from quantity".split(),
        ((n, FIRST, n % 5 + 1) for n in _ids(count)),
    )
    fill("assignment_end", "assignment_id known_on end_date".split(), ((n, FIRST, None) for n in _ids(count)))
    fill(
        "assignment_position",
        "assignment_id next_charge_on held_lines was_undone version".split(),
        ((n, due_on, 0, False, 1) for n in _ids(count)),
    )


def charges(on_one_day: int, before: int, assignments: int) -> None:
    """Posted charges of the assignments: very many on one day, and others over the year before it."""
    day = TODAY - timedelta(days=1)
    fill("charge", CHARGE, _rows(1, on_one_day, assignments, lambda n: day))
    fill(
        "charge",
        CHARGE,
        _rows(on_one_day + 1, before, assignments, lambda n: day - timedelta(days=1 + n % 364)),
    )
    _payments(on_one_day + before, assignments)
    db.session.commit()


def _payments(charges: int, assignments: int) -> None:
    """Nine of ten charges are paid, each customer's by one payment; what is left of the others is open."""
    day, customers = TODAY - timedelta(days=1), max(assignments // OF_A_CUSTOMER, 1)
    paid: dict[int, int] = {}
    allocated, open_ = [], []
    for n in _ids(charges):
        whose = n % assignments + 1
        customer, total = whose % customers + 1, (5 + whose % PACKAGES) * MICROS // 5 * 6
        if n % 10:
            allocated.append((n, customer, "payment", customer, n, total, day, False, 1))
            paid[customer] = paid.get(customer, 0) + total
        else:
            open_.append((n, customer, day, total))
    fill(
        "payment",
        "id token customer_id state paid_on amount fee method bank_reference reference_key again_reason description "
        "confirm_by_email created_by created_at version".split(),
        (
            (
                id, f"p{id}", id, "completed", day, sum, 0, "bank_transfer", "", "", "", "", False, "bench", NOW, 1,
            )
            for id, sum in paid.items()
        ),
    )  # fmt: skip
    fill(
        "allocation",
        "id customer_id source payment_id charge_id amount made_on by_hand version".split(),
        allocated,
    )
    fill("open_item", "charge_id customer_id due_on amount".split(), open_)
    entry = (
        "id customer_id source payment_id charge_id made_on for_day amount tax reason made_by made_at".split()
    )
    fill("balance_entry", entry, _entries(paid, allocated, day))


def _entries(
    paid: dict[int, int], allocated: Sequence[tuple[Any, ...]], day: date
) -> Iterator[tuple[Any, ...]]:
    for id, (customer, sum) in enumerate(paid.items(), 1):
        yield id, customer, "payment", customer, None, day, day, sum, 0, "", "bench", NOW
    for id, (charge, customer, _, payment, _, amount, *_) in enumerate(allocated, len(paid) + 1):
        yield id, customer, "allocation", payment, charge, day, day, -amount, 0, "", "bench", NOW


def settle() -> None:
    """Spread the assignments' next charge dates over a month, and let the store look at what it holds."""
    raw: Any = db.session.connection().connection.driver_connection
    raw.cursor().execute(
        "UPDATE assignment_position SET charged_until = '2026-11-22', worked_through = '2026-11-22'"
    )
    later = "date('2026-11-22', '+' || (assignment_id % 30) || ' days')"
    if db.engine.dialect.name == "postgresql":
        later = "date '2026-11-22' + (assignment_id % 30)::int"
    raw.cursor().execute(f"UPDATE assignment_position SET next_charge_on = {later}, charged_until = {later}")
    raw.cursor().execute("ANALYZE")
    db.session.commit()


CHARGE = (
    "id assignment_id customer_id package_id kind charge_on period_from period_until number quantity unit_price "
    "unit_cost days whole_days currency amount cost tax_rate tax label did_number auto_decrement_credit reason "
    "posted_by posted_at due_on"
).split()


def _rows(first: int, count: int, assignments: int, day_of: Any) -> Iterator[tuple[Any, ...]]:
    customers = max(assignments // OF_A_CUSTOMER, 1)
    for n in range(first, first + count):
        whose, day = n % assignments + 1, day_of(n)
        package, retail = whose % PACKAGES + 1, (5 + whose % PACKAGES) * MICROS
        yield (
            n, whose, whose % customers + 1, package, "recurring", day, day, day + timedelta(days=30), n // assignments,
            1, retail, 3 * MICROS, 1, 1, "GBP", retail, 3 * MICROS, 20 * MICROS, retail // 5, f"Package {package}", "",
            False, "", "bench", NOW, day,
        )  # fmt: skip


def _ids(count: int) -> range:
    return range(1, count + 1)
