"""A large provider, written straight into the tables: what the services would have made, in seconds."""

from datetime import UTC, date, datetime

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
        "id token name name_key search_key details_key company_details email street city postcode country vat_id "
        "currency created_on created_at version".split(),
        (
            (
                n, f"c{n}", f"Customer {n}", f"customer {n}", f"customer {n}",
                f"bristol bs{n % 16} {n % 9 + 1}qf gb999999973", "", "", f"{n % 98 + 1} Mill Lane", "Bristol",
                f"BS{n % 16} {n % 9 + 1}QF", "GB", "GB999999973", "GBP", TODAY, NOW, 1,
            )
            for n in _ids(customers)
        ),
    )  # fmt: skip
    fill(
        "customer_tax_rate",
        "customer_id effective_from rate category".split(),
        ((n, FIRST, 20 * MICROS, "standard") for n in _ids(customers)),
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


def _ids(count: int) -> range:
    return range(1, count + 1)
