"""No page asks the database more often where it shows more rows (tests/query_table.py has the numbers)."""

from math import inf

import pytest
from sqlalchemy import event, select

from portal.extensions import db
from portal.models.user import User
from tests import more_rows, query_table, role_stage, role_table, trade, world
from tests.role_stage import address, browser, routes

ROWS = role_table.rows()
FEW, MANY = range(1, 14), range(14, 27)
# What is more than a page, or more than a chunk of 500, is asked for once more; so are, by seven questions, assignments
# whose terms nothing else on the page has asked for. A loop asks once more for each of 13 rows.
A_PAGE_MORE = 7
# A file has all rows, so that more than its first fifty are another chunk of what is asked for some at a time.
A_FILE_MORE = {
    "audit.download": 3,
    "charges.download": 5,
    "dids.download": 8,
    "packages.download": 6,
    "payments.download": 5,
    "upcoming.download:2": 14,
}
pytestmark = pytest.mark.slow
AS = {"MINE": "acme", "MY_OWNER": "acme"}


@pytest.fixture(scope="module")
def asked(folder):
    """How often each page asks the database, with few rows and with many; each is asked for once before it counts."""
    stage = role_stage.make(folder, "queries")
    stage.app.config["TODAY"] = trade.TODAY.isoformat()  # the first of a month has nothing to show of it
    stage.app.extensions["portal.schema"].looked_at = inf  # when the version was asked is no matter of rows
    found = {}
    for numbers in (FEW, MANY):
        with stage.app.app_context():
            owner = db.session.scalars(select(User).where(User.email == world.email("owner"))).one()
            more_rows.add(stage.things["acme"].parts, owner, numbers)
        for name, path, client in pages(stage):
            found.setdefault(name, []).append(count(stage, client, path))
    yield found
    stage.close()


def pages(stage):
    """Every page that somebody may ask for who is signed in, about Acme's things."""
    clients = {role: browser(stage, role) for role in ("owner", "acme")}
    things = stage.things["acme"]
    for name, block in ROWS.items():
        if name.startswith("GET") and block in ("PERSONAL", "STAFF", "CHANGE", "OWNER", *AS):
            for place, rule in enumerate(routes(stage.app)[name]):
                path = f"{address(stage.app, name, rule, things)}?customer_id={things.parts['customer_id']}"
                yield f"{name[4:]}{f':{place + 1}' if place else ''}", path, clients[AS.get(block, "owner")]


def count(stage, client, path):
    """How often the database is asked for a page.

    What is a part of a page is asked for by a script, and answers whoever has none by leading to the page.
    """
    is_part = client.get(path).status_code in (302, 303)
    statements = []

    def note(connection, cursor, statement, *_):
        statements.append(statement)

    with stage.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    client.get(path, headers={"HX-Request": "true"} if is_part else {})
    event.remove(engine, "before_cursor_execute", note)
    return len(statements)


def test_no_page_asks_more_often_where_it_shows_more_rows(asked):
    more = {
        name: counts
        for name, counts in asked.items()
        if counts[1] - counts[0] > A_FILE_MORE.get(name, A_PAGE_MORE)
    }
    assert not more, query_table.LOOPS.format(pages=query_table.told(more))


def test_every_page_asks_as_often_as_its_row_says(asked):
    counts = {name: counts[-1] for name, counts in asked.items()}
    assert counts == query_table.rows(), query_table.OTHERWISE.format(
        pages=query_table.differences(counts, query_table.rows())
    )
