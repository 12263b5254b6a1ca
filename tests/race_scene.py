"""The scene of the races: a portal in which there is something to change for every route, on PostgreSQL.

`busy` has customers, numbers, money and calls. In `blank` nothing was ever charged: what the first charge fixes can
still be changed.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text

from portal import clock
from portal.extensions import db
from portal.models import (
    Allocation,
    BankFile,
    BankLine,
    BankStatement,
    BulkKind,
    CallImport,
    Charge,
    Company,
    ConnexcsPackage,
    FileKind,
    ImportState,
    Payment,
    PaymentBack,
    PaymentState,
    Run,
)
from portal.models.user import BILLING, CUSTOMER_OWNER, CUSTOMER_USER, OWNER, User
from portal.services import bulk_acts, credit
from portal.services.assignments import changing, own_impact, own_prices
from portal.services.bank import proposals
from portal.services.billing.posting import post_chunk
from portal.services.calls import importing
from portal.services.charges import by_hand, reversing_many
from portal.services.corrections import planning, posting
from portal.services.corrections.tax_rates import RateWanted, plan_rate
from portal.services.corrections.wanted import Wanted, Whose
from portal.services.moving_in import accepting, making
from portal.services.moving_in.planning import plan as moving_plan
from portal.services.notes import notes
from portal.services.packages import impact
from portal.services.packages.changes import make_change, plan_change
from portal.services.packages.definition import definition_of
from portal.services.people import invitations, people
from portal.services.runs import runs
from tests import banking, calling, trade, world

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
SUMMER = date(2026, 9, 15)


@dataclass
class Scene:
    """The rows of every table, what acts name of them, and whose cookie holds what."""

    names: dict[str, Any]
    cookies: dict[str, dict[str, str]]
    rows: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)

    def keep(self) -> None:
        """Remember what is stored."""
        with db.engine.connect() as connection:
            for table in (*db.metadata.sorted_tables, world.CHARGE_KEY):
                self.rows[table] = [dict(row) for row in connection.execute(select(table)).mappings()]
                self.highest[table.name] = max(
                    (row["id"] for row in self.rows[table] if isinstance(row.get("id"), int)), default=0
                )

    def reset(self) -> None:
        """Make the database as it was kept. Counters go on: what an act adds has a number above all these."""
        emptied = " ".join(f'DELETE FROM "{table.name}";' for table in self.rows)
        with db.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(f"DO $$ BEGIN {emptied} END $$"))
            for table, rows in self.rows.items():
                if rows:
                    connection.execute(insert(table), rows)


def busy(folder: Path) -> Scene:
    """Customers with everything that a person can do something about."""
    names = {**_catalogue(), **_customers(), **_people()}
    owner = db.session.scalars(select(User).where(User.email == world.email("owner"))).one()
    db.session.get_one(Company, 1).notification_days = 30
    _assign(names)
    _pay(names)
    _take_calls_in(names, folder)
    _move_in(names)
    _invite(names, owner)
    _run(names, owner)
    _correct(names)
    _bank(names)
    cookies = {name: world.cookie_of(names[name]) for name in ("otto", "one")}
    db.session.commit()
    return _kept(names, cookies)


def blank(folder: Path) -> Scene:
    """A portal before its first charge: customers, and a package that is due."""
    names = {**_catalogue(), **_customers(), **_people()}
    names["due"] = trade.assigned(names["line"], names["acme"], NOVEMBER)
    line = definition_of(names["line"], trade.TODAY)
    dearer = tuple(
        price.__class__(price.currency, price.cost, Decimal(99)) if price.currency == "GBP" else price
        for price in line.prices
    )
    changed = line.__class__(**{**_fields(line), "prices": dearer})
    change = plan_change(names["line"], changed, trade.TODAY, trade.TODAY)
    names["line.impact"] = impact.impact_of(change).fingerprint
    names["paused"] = _import(folder, "first", 1, "Acme", names)
    db.session.commit()
    return _kept(names, {})


def _kept(names: dict[str, Any], cookies: dict[str, dict[str, str]]) -> Scene:
    ids = {name: thing if isinstance(thing, str | int) else thing.id for name, thing in names.items()}
    versions = {
        f"{name}.version": thing.version for name, thing in names.items() if getattr(thing, "version", None)
    }
    db.session.rollback()
    scene = Scene(ids | versions, cookies)
    scene.keep()
    return scene


def _catalogue() -> dict[str, Any]:
    service = ConnexcsPackage(name="Fax")
    db.session.add(service)
    db.session.flush()
    found = {
        "line": trade.a_package("Line", match=(1, 15), currencies=("GBP", "USD")),
        "line_two": trade.a_package("Line two", currencies=("GBP", "USD")),
        "seat": trade.a_package("Seat", proration=trade.Proration.DAILY),
        "daily": trade.a_package("Daily", frequency=trade.Frequency.DAILY, match=()),
        "spare": trade.a_package("Spare", currencies=("GBP", "USD")),
        "bundle": trade.a_package("Bundle", minutes=True),
        "floor": trade.a_package("Floor", "50", minimum_spend=True),
        "service": service,
    }
    planned = definition_of(found["line_two"], trade.TODAY)
    dearer = tuple(price.__class__(price.currency, price.cost, Decimal(30)) for price in planned.prices)
    later = trade.TODAY + timedelta(days=9)
    make_change(
        plan_change(
            found["line_two"], planned.__class__(**{**_fields(planned), "prices": dearer}), later, trade.TODAY
        )
    )
    return found


def _fields(definition: Any) -> dict[str, Any]:
    return {name: getattr(definition, name) for name in definition.__dataclass_fields__}


def _customers() -> dict[str, Any]:
    found: dict[str, Any] = {
        "acme": trade.a_customer("Acme"),
        "fresh": trade.a_customer("Fresh"),
        "globex": trade.a_customer("Globex", "USD"),
        "gone": trade.a_customer("Gone"),
        "delta": trade.a_customer("Delta"),
        "echo": trade.a_customer("Echo"),
    }
    found["gone"].archived_on = trade.TODAY
    found |= {
        "did": trade.a_did(found["fresh"], "+442079460101"),
        "stock": trade.a_did(None, "+442079460102"),
        "old": trade.a_did(None, "+442079460103"),
        "spare_did": trade.a_did(None, "+442079460104"),
    }
    found["old"].archived_on = trade.TODAY
    db.session.flush()
    return found


def _people() -> dict[str, Any]:
    ben = db.session.scalars(select(User).where(User.email == world.email("billing"))).one()
    olivia = db.session.scalars(select(User).where(User.email == world.email("owner"))).one()
    return {"ben": ben, "olivia": olivia}


def _assign(names: dict[str, Any]) -> None:
    acme = names["acme"]
    names["begun"] = trade.assigned(names["seat"], acme, NOVEMBER)
    names["floored"] = trade.assigned(names["floor"], acme, SUMMER)
    names["posted_run"] = _posted()
    names["charge"] = db.session.scalars(
        select(Charge).where(Charge.assignment_id == names["begun"].id).order_by(Charge.id).limit(1)
    ).one()
    # Ended before what was charged: the next run posts a credit.
    changing.change_end(names["begun"], date(2026, 11, 10), trade.TODAY, by=trade.BEN, now=trade.NOW)
    names["due"] = trade.assigned(names["line"], acme, NOVEMBER)
    names["later"] = trade.assigned(names["line_two"], acme, trade.TODAY + timedelta(days=5))
    names["given"] = bulk_acts.record(
        BulkKind.ASSIGNED, "Line", {names["later"].id: None}, today=trade.TODAY, by=trade.BEN, now=trade.NOW
    )
    names["ours"] = trade.assigned(names["line_two"], names["globex"], NOVEMBER)
    names["held"] = trade.assigned(names["daily"], acme, date(2025, 1, 6))
    post_chunk([names["held"].id], trade.TODAY, trade.TODAY, None, trade.BEN, trade.NOW)
    names["today"] = trade.assigned(names["bundle"], acme, trade.TODAY, minutes=10)
    own_prices.make_own_change(
        own_prices.plan_own_change(names["later"], {"retail": Decimal(8)}, date(2026, 12, 9), trade.TODAY)
    )
    names["due.own"] = _own_seen(names["due"])
    names["both.own"] = _own_seen(names["due"], names["later"])


def _own_seen(*assignments: Any) -> str:
    """What a person has seen who gives all of these an own price of 9."""
    ids = [assignment.id for assignment in assignments]
    planned = own_prices.plan_many(ids, {"retail": Decimal(9)}, None, trade.TODAY)
    return own_impact.impact_of(planned.done).fingerprint


def _pay(names: dict[str, Any]) -> None:
    def paid(name: str, customer: Any, state: PaymentState, amount: int) -> Payment:
        payment = Payment(
            token=name, customer=customer, state=state, paid_on=trade.TODAY, amount=Decimal(amount), fee=Decimal(0),
            created_at=trade.NOW,
        )  # fmt: skip
        return credit.record_payment(payment, trade.TODAY, now=trade.NOW)

    names["paid"] = paid("paid", names["acme"], PaymentState.COMPLETED, 100)
    names["pending"] = paid("pending", names["acme"], PaymentState.PENDING, 50)
    names["expected"] = paid("expected", names["delta"], PaymentState.PENDING, 70)
    credit.release(names["paid"], trade.TODAY, by=trade.BEN, now=trade.NOW)
    part = {names["charge"].id: Decimal(20)}
    credit.allocate(names["paid"], part, today=trade.TODAY, by=trade.BEN, now=trade.NOW)
    names["allocation"] = db.session.scalars(
        select(Allocation).where(Allocation.released_on.is_(None), Allocation.payment_id == names["paid"].id)
    ).one()
    names["back"] = PaymentBack(
        token="back", customer=names["acme"], paid_on=trade.TODAY, amount=Decimal(5), method="cash",
        created_at=trade.NOW,
    )  # fmt: skip
    credit.pay_back(names["back"], trade.TODAY, now=trade.NOW)
    names["note"] = notes.add(
        names["acme"], "Call back", trade.TODAY, token="note", by=trade.BEN, today=trade.TODAY, now=trade.NOW
    )
    names["paid.seen"] = credit.seen_of(names["paid"])
    names["visit"], names["discount"] = (
        by_hand.charge_manually(
            by_hand.ManualCharge(names["echo"], trade.TODAY, Decimal(amount), Decimal(0), description),
            token=description, today=trade.TODAY, by=trade.BEN, now=trade.NOW,
        )
        for description, amount in (("Visit", 40), ("Sorry", -6))
    )  # fmt: skip
    used = db.session.scalars(select(Allocation).where(Allocation.by_charge_id == names["discount"].id)).one()
    credit.release_allocation(used, trade.TODAY, by=trade.BEN, now=trade.NOW)
    names["two.seen"] = reversing_many.sort_out([names["charge"].id, names["visit"].id]).seen


def lines_of(name: str, number: int, customer: str) -> list[str]:
    """The lines of a file of the scene."""
    return [
        calling.a_line(f"{name}-{number}-1", "2026-11-03 10:00:00", 60, "1.20", customer=customer),
        calling.a_line(f"{name}-{number}-2", "2026-10-03 23:30:00", 60, "2.40", customer=customer, did="+442079460101"),
    ]  # fmt: skip


def _import(
    folder: Path,
    name: str,
    number: int,
    customer: str,
    names: dict[str, Any],
    state: ImportState = ImportState.STOPPED,
) -> CallImport:
    """A file that waits to be taken in: a call to each of two customers' days, one of them naming a DID."""
    path = calling.a_file(folder, lines_of(name, number, customer), name=f"{name}.csv")
    found = calling.accepted(path, now=clock.now())
    found.state = state
    db.session.flush()
    return found


def _take_calls_in(names: dict[str, Any], folder: Path) -> None:
    names["paused"] = _import(folder, "paused", 1, "Acme", names)
    names["fresh_calls"] = _import(folder, "fresh", 1, "Fresh", names)
    names["unmapped"] = _import(folder, "unmapped", 1, "Acme", names)
    names["unmapped"].layout = ""
    names["came"] = came = _import(folder, "paused", 1, "Acme", names, state=ImportState.RUNNING)
    db.session.commit()
    importing.carry_out(came.id, trade.TODAY, clock.now)
    names["going"] = _import(folder, "going", 1, "Acme", names, state=ImportState.RUNNING)
    names["half_bad"] = _import(folder, "bad", 1, "Acme", names, state=ImportState.DONE)
    names["half_bad"].bad_count = 1


def _move_in(names: dict[str, Any]) -> None:
    """Files to move in with: one that waits, with somebody new and a change of Fresh; one stopped; one done."""
    for name, new in (("moving", "Mona"), ("half_moved", "Hal"), ("moved", "Mike")):
        text = f"Name,Account Codes,E-mail\n{new},{new}-1,\nFresh,,{name}@fresh.example\n"
        names[name] = accepting.accept(
            BytesIO(text.encode()), f"{name}.csv", FileKind.CUSTOMERS, by=trade.BEN, now=clock.now()
        )
    names["moving_seen"] = moving_plan(names["moving"], trade.TODAY).fingerprint()
    for name in ("half_moved", "moved"):
        making.begin(names[name], takes_changes=False, good_only=True, today=trade.TODAY, now=clock.now())
    making.stop(names["half_moved"])
    db.session.commit()
    making.carry_out(names["moved"].id, trade.TODAY, clock.now)


def _invite(names: dict[str, Any], owner: User) -> None:
    acme = names["acme"]
    names["otto"] = people.create("otto@lumen.example", "Otto", world.PASSWORD, OWNER)
    names["one"] = people.create("one@acme.example", "One", world.PASSWORD, CUSTOMER_OWNER, acme.id)
    names["two"] = people.create("two@acme.example", "Two", world.PASSWORD, CUSTOMER_USER, acme.id)
    now = clock.now()
    names["theirs"], names["their_token"] = invitations.invite(
        "three@acme.example", "Three", CUSTOMER_USER, by=owner, now=now, customer_id=acme.id
    )
    names["staff_invitation"], names["staff_token"] = invitations.invite(
        "new@lumen.example", "New", BILLING, by=owner, now=now
    )
    from portal.web.people.user_group import handle

    names["two_handle"], names["theirs_handle"] = handle(names["two"]), handle(names["theirs"])


def _posted() -> Run:
    """A run that has posted what is due."""
    db.session.commit()
    run = runs.start(trade.TODAY, simulate=False, today=trade.TODAY, by=trade.BEN, now=clock.now())
    db.session.commit()
    return runs.carry_out(run.id, trade.TODAY, clock.now)


def _correct(names: dict[str, Any]) -> None:
    """A correction that was made of what nobody else is about, and what three others would do."""
    fax, foxtrot = trade.a_package("Fax line"), trade.a_customer("Foxtrot")
    foxtrot.email = "ap@foxtrot.example"
    foxtrot.monthly_summary_since = OCTOBER
    names["foxtrot"] = foxtrot
    line = trade.assigned(fax, foxtrot, NOVEMBER)
    # What their summary of October has on it.
    visit = trade.a_package("Fax visit", "7", frequency=trade.Frequency.NONE, match=())
    visited = trade.assigned(visit, foxtrot, OCTOBER)
    post_chunk([line.id, visited.id], trade.TODAY, trade.TODAY, None, trade.BEN, trade.NOW)
    right, whose = Wanted(NOVEMBER, "GBP", {"retail": Decimal(26)}), Whose(package=fax)
    act: dict[str, Any] = {"token": "corrected", "today": trade.TODAY, "by": trade.BEN, "now": trade.NOW}
    seen = planning.plan(right, whose, trade.TODAY).fingerprint
    names["corrected"] = posting.post(right, whose, seen=seen, **act)
    cheaper, seat = Wanted(NOVEMBER, "GBP", {"retail": Decimal(20)}), Whose(package=names["seat"])
    more, begun = Wanted(NOVEMBER, "GBP", {}, quantity=2), Whose(assignment_ids=(names["begun"].id,))
    names["seat_seen"] = planning.plan(cheaper, seat, trade.TODAY).fingerprint
    names["begun_seen"] = planning.plan(more, begun, trade.TODAY).fingerprint
    rate = RateWanted(NOVEMBER, Decimal(7))
    names["rate_seen"] = plan_rate(names["acme"], rate, trade.TODAY).fingerprint


def _bank(names: dict[str, Any]) -> None:
    """A statement with a line of every kind, of what nobody else is about."""
    golf = names["golf"] = trade.a_customer("Golf")
    ids = banking.of_a_customer(golf)
    lines = ("exact", "to_tell", "recorded_line", "returned", "out", "booked")
    names |= {f"bank_{name}": db.session.get_one(BankLine, ids[name]) for name in lines}
    names["bank_statement"] = db.session.get_one(BankStatement, ids["statement"])
    names["bank_file"] = db.session.get_one(BankFile, ids["file"])
    names["bank_recorded"], names["bank_debited"] = (
        db.session.get_one(Payment, ids[name]) for name in ("recorded", "debited")
    )
    exact = names["bank_exact"]
    names["exact.seal"] = proposals.propose([exact])[exact.id].seal


def _run(names: dict[str, Any], owner: User) -> None:
    """A simulation that can be posted, and a run that was interrupted."""
    db.session.commit()
    asked = {"today": trade.TODAY, "by": owner.email, "now": clock.now()}
    simulation = runs.start(trade.TODAY, simulate=True, **asked)
    db.session.commit()
    names["simulation"] = runs.carry_out(simulation.id, trade.TODAY, clock.now)
    names["seen"] = names["simulation"].fingerprint
    stopped = runs.start(trade.TODAY, simulate=False, **asked)
    stopped.heartbeat_at = clock.now() - timedelta(hours=1)
    db.session.flush()
    names["stopped_run"] = db.session.get_one(Run, stopped.id)
