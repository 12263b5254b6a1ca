"""The portfolio that is made up is what the services would have written, the same each time and on both databases."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import repeat

import phonenumbers
import pytest
from sqlalchemy import func, select

from portal.domain.due import Kind
from portal.domain.phone_numbers import country_of
from portal.domain.schedule import Frequency
from portal.extensions import db
from portal.models import (
    Assignment,
    AssignmentEnd,
    AssignmentPosition,
    AssignmentPrice,
    AssignmentQuantity,
    Charge,
    Customer,
    CustomerTaxRate,
    Did,
    Package,
    PackageSchedule,
    Payment,
    PaymentMethod,
    PaymentState,
    Run,
    RunException,
    RunPosition,
    RunState,
)
from portal.services import credit, deletion, portfolio
from portal.services.assignments import assigning, changing, own_prices
from portal.services.billing import planning, positions
from portal.services.customers import customers
from portal.services.demo import company as lumen
from portal.services.dids import intake
from portal.services.dids.lines import Line, Lines
from portal.services.packages.definition import NO_OWN, OwnPriceSet
from portal.services.portfolio import history
from portal.services.portfolio.catalogue import at, put_on_sale, take_off_sale
from portal.services.portfolio.who import Given, Number, Person, tell
from portal.services.portfolio.writing import BY
from portal.services.runs import runs
from tests import world
from tests.conftest import POSTGRESQL, SQLITE

pytestmark = pytest.mark.slow

SINCE = date(2026, 11, 22)
MANY, SOME, FEW = 2_000, 300, 120
PAY_DAY = date(2026, 12, 20)
# Who signs in, and what people did by hand: a portfolio is sent by nobody.
NOT_COMPARED = {"audit_entry", "sent_form", "user", "role", "roles_users", "user_session", "webauthn"}
KNOWN_BY = {
    "customer": "token",
    "package": "token",
    "assignment": "token",
    "did": "number",
    "connexcs_package": "name",
    "payment": "token",
}


def everything():
    """Every row there is, by table, whatever its id: what it refers to is named by its token or number."""
    names = {
        table: dict(db.session.execute(select(of.c.id, of.c[key])).all())
        for table, key in KNOWN_BY.items()
        if (of := db.metadata.tables[table]) is not None
    }
    found = {}
    for table in db.metadata.sorted_tables:
        if table.name in NOT_COMPARED:
            continue
        columns = [column for column in table.columns if column.name != "id"]
        refers = [
            next((key.column.table.name for key in column.foreign_keys if key.column.name == "id"), "")
            for column in columns
        ]
        found[table.name] = Counter(
            tuple(
                names[to][value] if to in names and value else value
                for to, value in zip(refers, row, strict=True)
            )
            for row in db.session.execute(select(*columns))
        )
    return found


def through_the_services(assignments):
    """The same portfolio as people would make it: each thing through the service that a page asks."""
    lumen.introduce()
    sold = put_on_sale(SINCE)
    made, dids = {}, {}
    for it in tell(assignments, SINCE, sold):
        match it:
            case Person():
                made[it.number] = a_customer(it)
            case Number():
                dids[it.number] = a_did(it, made)
            case Given():
                an_assignment(it, made[it.customer], dids.get(it.did))
        db.session.flush()
    take_off_sale(sold, SINCE)


def a_customer(it):
    token, day = f"portfolio-{it.number}", it.created_on
    customer = customers.create_customer(it.fields, it.tax_rate, token=token, today=day, now=at(day))
    if it.later_rate:
        customers.change_tax_rate(customer, it.later_rate[1], it.later_rate[0], day)
        db.session.flush()
    if it.archived_on:
        deletion.archive_customer(customer, it.archived_on)
    return customer


def a_did(it, made):
    wanted = intake.Wanted(customer=made[it.customer] if it.customer else None)
    report = intake.check(Lines([Line(1, (it.e164,), {"number": it.e164})]), wanted)
    day = it.taken_in_on
    (did,) = intake.take_in(report, token=f"portfolio-{it.number}", by=BY, now=at(day), today=day)
    if it.returned_on:
        deletion.release_did(did, it.returned_on)
    return did


def an_assignment(it, customer, did):
    package = db.session.get_one(Package, it.sold.id)
    draft = assigning.Draft(
        package=package,
        customer=customer,
        did=did,
        quantity=it.quantity,
        start_date=it.start_date,
        end_date=it.end_date,
        charge_from=it.charge_from,
        minutes=it.minutes,
        minimum_days=None if package.minimum_days else it.minimum_days,
        auto_decrement_credit=it.auto_decrement_credit,
        own=NO_OWN if it.retail is None else OwnPriceSet(retail=it.retail),
    )
    day, token = it.made_on, f"portfolio-{it.number}"
    assignment = assigning.assign(draft, token=token, by=BY, now=at(day), twice=True, today=day)
    db.session.flush()
    if it.later_quantity:
        changing.change_quantity(assignment, it.later_quantity[1], it.later_quantity[0], day)
        db.session.flush()
    if it.later_retail:
        from_day, retail = it.later_retail
        own_prices.make_own_change(own_prices.plan_own_change(assignment, {"retail": retail}, from_day, day))


def test_its_rows_are_those_that_the_services_write(session, database):
    portfolio.write(SOME, SINCE)
    session.commit()
    written = everything()
    session.remove()
    database.clean()
    through_the_services(SOME)
    session.commit()
    made = everything()
    for table, rows in made.items():
        assert written[table] - rows == rows - written[table] == Counter(), table


@pytest.fixture
def written(session):
    portfolio.write(SOME, SINCE)
    session.commit()
    return session


def count(*which):
    return db.session.scalar(select(func.count()).where(*which))


def test_nobody_is_due_before_the_day_from_which_it_charges(written):
    assert count(AssignmentPosition.next_charge_on < SINCE) == 0
    assert count(AssignmentPosition.next_charge_on == SINCE) > 0


def test_where_each_assignment_stands_is_what_the_services_find(written):
    stands = {row.assignment_id: row.next_charge_on for row in db.session.scalars(select(AssignmentPosition))}
    positions.find_next_of(db.session.scalars(select(Assignment)).all(), SINCE)
    assert stands == {
        row.assignment_id: row.next_charge_on for row in db.session.scalars(select(AssignmentPosition))
    }


def test_its_numbers_are_those_of_their_countries(written):
    for did in db.session.scalars(select(Did)):
        assert phonenumbers.is_valid_number(phonenumbers.parse(did.number)), did.number
        assert did.country == country_of(did.number)


def test_it_is_as_in_life(session):
    portfolio.write(MANY, SINCE)
    assert count(Assignment.id > 0) == MANY
    assert {row.frequency for row in db.session.scalars(select(PackageSchedule))} == set(Frequency)
    several = select(PackageSchedule).where(PackageSchedule.frequency_match.contains(","))
    assert db.session.scalars(several).first()
    assert len(db.session.scalars(select(Customer.currency).distinct()).all()) == 5
    of_customers = sorted(Counter(db.session.scalars(select(Assignment.customer_id))).values())
    assert (of_customers[0], of_customers[-1]) == (1, MANY // 20)
    for part, (low, high) in {
        "minimum spend": (0.025, 0.06),
        "own price": (0.02, 0.045),
        "auto decrement": (0.05, 0.15),
        "on a DID": (0.45, 0.8),
        "with an end": (0.04, 0.1),
    }.items():
        assert low <= parts()[part] / MANY <= high, part
    assert count(Customer.archived_on.is_not(None)) > 0
    assert count(Package.archived_on.is_not(None)) == 2
    assert count(Did.customer_id.is_(None)) > 0
    changed = (
        select(CustomerTaxRate.customer_id).group_by(CustomerTaxRate.customer_id).having(func.count() > 1)
    )
    assert db.session.scalars(changed).all()
    starts = db.session.execute(
        select(func.min(Assignment.start_date), func.max(Assignment.start_date))
    ).one()
    assert SINCE - timedelta(days=1095) <= starts[0] < SINCE - timedelta(days=900)
    assert starts[1] > SINCE


def parts():
    promised = select(func.count()).select_from(Assignment).join(Package).where(Package.minimum_spend)
    return {
        "minimum spend": db.session.scalar(promised),
        "own price": db.session.scalar(select(func.count(AssignmentPrice.assignment_id.distinct()))),
        "auto decrement": count(Assignment.auto_decrement_credit),
        "on a DID": count(Assignment.did_id.is_not(None)),
        "with an end": count(Assignment.end_date.is_not(None)),
    }


def test_runs_post_what_was_planned_and_nothing_is_held_or_fails(written):
    for through in (SINCE + timedelta(days=30), SINCE + timedelta(days=65)):
        worked = planning.work_out(planning.due_ids(through), through, through)
        planned = sum(len(one.due.charges) for one in worked)
        db.session.rollback()
        now = at(through)
        run = runs.start(through, simulate=False, today=through, by=BY, now=now)
        db.session.commit()
        done = runs.carry_out(run.id, through, repeat(now).__next__)
        assert (done.held_count, done.failed_count) == (0, 0)
        assert done.charge_count == planned > SOME
    kinds = set(db.session.scalars(select(Charge.kind).distinct()))
    assert {Kind.SETUP, Kind.ONE_OFF, Kind.RECURRING, Kind.MINIMUM_SPEND} <= kinds


def test_every_page_opens(written, client):
    for address in addresses(client.application):
        answer = client.get(address)
        assert answer.status_code < 500, address


def addresses(app):
    """Every page that needs nothing, or one customer, DID, package or assignment: of each the last."""
    last = {
        f"{of.__tablename__}_id": db.session.scalar(select(func.max(of.id)))
        for of in (Customer, Did, Package, Assignment)
    }
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and rule.arguments <= set(last) and not rule.endpoint.startswith("security.")
    ]
    with app.test_request_context():
        return [app.url_for(rule.endpoint, **{name: last[name] for name in rule.arguments}) for rule in rules]


def test_where_somebody_works_already_nothing_is_made_up(written):
    assert portfolio.why_not_write() == (
        "Assignments are made up in an empty portal only, and this one has packages. Nothing was changed."
    )


def test_the_same_number_makes_the_same_rows_on_both_databases(folder, databases, postgresql_url):
    found = []
    for kind in (SQLITE, POSTGRESQL, SQLITE):
        if kind not in databases:
            databases[kind] = (
                world.Sqlite(folder) if kind == SQLITE else world.Postgresql(folder, postgresql_url)
            )
        databases[kind].clean()
        with databases[kind].app.app_context():
            portfolio.write(SOME, SINCE)
            db.session.commit()
            found.append(everything())
        databases[kind].close()
    assert found[0] == found[1] == found[2]


@pytest.fixture
def lived_in(session, monkeypatch):
    """A few who have lived in it up to a day on which they pay, and changed much."""
    monkeypatch.setattr(history, "CHANGED", 5)
    portfolio.write(FEW, SINCE)
    session.commit()
    portfolio.live(SINCE, PAY_DAY)
    return session


def test_what_is_paid_of_very_many_is_what_the_services_write(lived_in):
    history.pay(PAY_DAY)
    straight = everything()
    lived_in.rollback()
    for customer in lived_in.scalars(select(Customer).order_by(Customer.id)).all():
        owed = sum((item.left for item in credit.to_pay_items(customer.id)), Decimal(0))
        amount = owed + max(-credit.balance_of(customer.id), Decimal(0))
        if amount and customer.id % history.NEVER_PAYS:
            pays(customer, amount)
    assert straight["allocation"] and straight["payment"]
    made = everything()
    assert {table for table, rows in made.items() if straight[table] != rows} == set()


def pays(customer, amount):
    payment = Payment(
        token=f"{BY}-{PAY_DAY.isoformat()}-{customer.id}",
        customer=customer,
        state=PaymentState.COMPLETED,
        paid_on=PAY_DAY,
        amount=amount,
        fee=Decimal(0),
        method=PaymentMethod.DIRECT_DEBIT,
        description="",
        created_by=BY,
        created_at=at(PAY_DAY),
    )
    credit.record_payment(payment, PAY_DAY, now=at(PAY_DAY))


def test_with_a_history_ends_were_set_and_moved_and_credited(lived_in):
    known = select(func.count()).select_from(AssignmentEnd).group_by(AssignmentEnd.assignment_id)
    assert max(db.session.scalars(known)) > 2
    assert count(Charge.kind == Kind.CREDIT) > 0
    assert count(AssignmentQuantity.effective_from.between(SINCE, PAY_DAY)) > 0


def test_with_a_history_nothing_is_left_undone_before_its_last_day(lived_in):
    assert count(AssignmentPosition.next_charge_on < PAY_DAY) == 0
    assert count(Run.state == RunState.DONE) == (PAY_DAY - SINCE).days
    assert count(RunPosition.run_id > 0) > 0
    assert count(RunException.id > 0) == 0
    assert db.session.scalar(select(func.sum(Run.charge_count))) == count(Charge.id > 0) > FEW
