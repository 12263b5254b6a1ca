"""An import that is killed in the middle, by the system and without a word, and started again."""

import time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import BalanceEntry, Call, CallImport, ImportState
from portal.services.calls import importing
from tests.calling import a_file, a_line
from tests.processes import Command
from tests.trade import NOW, TODAY, a_customer

LINES = 60_000
PATIENCE = 60  # seconds


def lines_done(id):
    """How far an import is, as others see it."""
    db.session.rollback()
    return db.session.scalar(select(CallImport.lines_done).where(CallImport.id == id)) or 0


def test_an_import_that_is_killed_goes_on_where_it_stood_and_counts_nothing_twice(app, session, tmp_path):
    customer = a_customer(tax_rate="0")
    path = a_file(
        tmp_path, (a_line(f"c{n}", f"2026-11-{n % 20 + 1:02} 10:00:00", 60, "0.01") for n in range(LINES))
    )
    import_, _ = importing.accept(path, path.name, replaces=False, by="", now=NOW)
    db.session.commit()
    id, customer_id = import_.id, customer.id
    environment = {
        "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
        "PORTAL_TODAY": TODAY.isoformat(),
    }
    at_work = Command(["import", "calls", "--import", str(id)], environment, tmp_path / "said.txt")
    deadline = time.monotonic() + PATIENCE
    while not lines_done(id) and at_work.is_running and time.monotonic() < deadline:
        time.sleep(0.002)
    at_work.kill()
    at_work.ended(PATIENCE)
    assert 0 < lines_done(id) < LINES, at_work.says.read_text()

    db.session.rollback()
    done = importing.carry_out(id, TODAY, lambda: NOW, ZoneInfo("UTC"))
    assert (done.state, done.taken_count, done.known_count) == (ImportState.DONE, LINES, 0)
    assert db.session.scalar(select(func.count(Call.id))) == LINES
    owed = select(func.sum(BalanceEntry.amount)).where(BalanceEntry.customer_id == customer_id)
    assert db.session.scalar(owed) == -LINES // 100
