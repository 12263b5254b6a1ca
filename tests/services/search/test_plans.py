"""Every statement of a search reads by an index, whatever is typed and whatever statistics the database has.

On SQLite as it plans it, with nothing known of the tables. On PostgreSQL every table that has rows is said to have
very many, and reading one whole is made so dear that a plan has it only where no index would do: then there is none.
"""

import json
import re

import pytest
from sqlalchemy import event, text

from portal.domain.payment_reference import payment_reference
from portal.domain.searching import ACTS
from portal.services import portfolio
from portal.services.search import search
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

# As the benchmark asks, and what is rare.
ASKED = [
    "b", "ba", "qqzzy", "#7", "7", "+44 20 7946 0123", "020 7946 0123", "0044 20 7946 0123", "7946", "24.50",
    "29.40 GBP", "INV 2026-118", payment_reference(7), "bakery zoe", "h b", "ha ba", "add payment harbour", "leeds",
    "LV-7", "h bakery", "nora bakery", "0113 496 0112", "run 3", "OLD-77", "RET 77", "call back harbour",
]  # fmt: skip
ASSIGNMENTS = 4_000
# Tables that have a row each, or are read whole for another reason: the provider itself.
WHOLE = {"company"}


@pytest.fixture
def statements(session):
    """What a search says to the database, and with which values."""
    said = []

    def note(_connection, _cursor, statement, values, *_):
        if not statement.startswith("SET "):
            said.append((statement, values))

    event.listen(session.get_bind(), "before_cursor_execute", note)
    yield said
    event.remove(session.get_bind(), "before_cursor_execute", note)


def test_no_table_is_read_as_a_whole(session, statements):
    """In a portfolio that is large enough for a join to be planned as in a larger one."""
    portfolio.write(ASSIGNMENTS, TODAY)
    assigned(a_package("Bakery 7946"), acme := a_customer("Harbour Bakery"), did=a_did(acme))
    session.commit()
    run()
    session.flush()
    say_there_are_many(session)
    wrong = []
    for asked in ASKED:
        statements.clear()
        search(asked, TODAY, {act.name for act in ACTS})
        for statement, values in list(statements):
            wrong += [f"{asked}: {line}\n{statement}" for line in read_whole(session, statement, values)]
    assert not wrong, "\n\n".join(wrong)


def test_a_statement_without_an_index_is_noticed(session):
    a_customer("Acme")
    session.flush()
    assert read_whole(session, "SELECT id FROM customer WHERE details_key = 'leeds'", ())


def say_there_are_many(session):
    """What a planner would know of a large portfolio, and nothing of what its texts are.

    An index of a page is gone through from end to end otherwise, and one in which very many rows fit, until enough do.
    """
    if session.get_bind().dialect.name == "postgresql":
        ours = "relnamespace = current_schema()::regnamespace"
        session.execute(
            text(f"DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE {ours})")
        )
        # Of a table without rows it takes it that some will come, until it is told that there are none.
        session.execute(
            text(f"""UPDATE pg_class SET relpages = sign(pg_relation_size(oid)),
            reltuples = CASE WHEN pg_relation_size(oid) > 0 THEN 1000000 ELSE -1 END WHERE relkind = 'r' AND {ours}""")
        )


def read_whole(session, statement, values):
    """What a plan says of tables that it reads without a place to begin."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
        # A covering index that is gone through from end to end is a SCAN, too; an index of threes is searched by them.
        own = re.compile(r"SCAN (?!\(|part_\w+ VIRTUAL TABLE INDEX \d+:M|anon_|leap|CONSTANT)(\w+)")
        return [line for line in plan if (found := own.match(line)) and found[1] not in WHOLE]
    # Nor is a table gone through along its key, to be merged with another of which nothing is known yet.
    for setting in ("enable_seqscan", "enable_mergejoin"):
        connection.exec_driver_sql(f"SET LOCAL {setting} = off")
    connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return list(_scans(plan[0]["Plan"]))


def _scans(node):
    kind, table = node["Node Type"], node.get("Relation Name")
    begins = any(name in node for name in ("Index Cond", "Recheck Cond"))
    if table and table not in WHOLE and not begins and kind != "Bitmap Heap Scan":
        yield f"{kind} on {table}: {node}"
    for child in node.get("Plans", ()):
        yield from _scans(child)
