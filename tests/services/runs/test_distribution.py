"""Why customers can be divided among databases: what a run touches is of one customer, or the same for all."""

import re
from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event

from portal.config import ROOT
from portal.extensions import db
from portal.services import portfolio
from portal.services.runs import runs
from tests.distribution import in_the_way, way_to_customer
from tests.trade import BEN, NOW, TODAY

# Every database has them, and its own rows in them: they tell of its own work.
OF_THE_RUN = {"audit_entry", "run", "run_exception", "run_shard", "run_total"}
VERBS = re.compile(r'\b(INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN)\s+"?(\w+)')


@contextmanager
def touched():
    """The tables that statements name from now on, each with whether it is written."""
    found = defaultdict(bool)

    def note(_connection, _cursor, statement, *_):
        for verb, name in VERBS.findall(statement):
            if name in db.metadata.tables:
                found[name] |= verb not in ("FROM", "JOIN")

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def a_run(session):
    """The tables that a run touches which charges assignments of every kind, again for most of them."""
    since = TODAY - timedelta(days=75)
    portfolio.write(250, since)
    session.commit()
    with touched() as found:
        for day in (TODAY - timedelta(days=20), TODAY):
            run = runs.start(day, simulate=False, today=day, by=BEN, now=NOW)
            session.commit()
            done = runs.carry_out(run.id, day, lambda: NOW)
            assert done.charge_count > 100 and not done.failed_count
    return found


def _listed(heading):
    """The tables that docs/scale.md names in the first cells of the table under a heading."""
    text = (ROOT / "docs" / "scale.md").read_text()
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`(\w+)`", " ".join(cells)))


@pytest.mark.slow
def test_what_a_run_touches_is_of_one_customer_or_the_same_everywhere_and_then_only_read(a_run):
    """So that a database with the customers of its own alone has all that a run of theirs needs."""
    for name in set(a_run) - OF_THE_RUN:
        if not way_to_customer(db.metadata.tables[name]):
            assert not a_run[name], f"{name} is of no one customer, and a run writes it"


def test_the_document_says_of_each_table_of_a_run_whose_it_is(a_run):
    assert {"assignment_position", "customer", "package_price", "run"} <= set(a_run)
    missing = set(a_run) - _listed("Whose each row is")
    assert not missing, f"docs/scale.md does not say whose these are: {missing}"


def test_the_document_names_the_foreign_keys_that_no_distributed_database_could_keep():
    """From a table that is whole everywhere to one that is divided."""
    keys = {(key.parent.table.name, key.parent.name) for key in in_the_way()}
    assert {table for table, _ in keys} == _listed("Foreign keys in the way")
    assert {key for key in keys if key[1] != "customer_id"} == {
        ("bank_booking", "payment_id"),
        ("bank_booking", "payment_back_id"),
    }


def test_the_way_to_the_customer_ends_at_no_other_table():
    for table in db.metadata.sorted_tables:
        way = way_to_customer(table)
        if way and table.name != "customer":
            for key in way[-1].foreign_keys:
                assert key.column.table.name == "customer" or key.column.name == "customer_id", table.name
