"""An assignment that cannot be worked out: every page of every role answers as before, and says so where it counts."""

import pytest

from portal.extensions import db
from portal.models import Assignment
from tests import role_stage, role_table, trade
from tests.breaking import WAYS, break_one
from tests.depth import tries
from tests.role_stage import address, browser, routes

pytestmark = pytest.mark.slow

ROWS = role_table.rows()
EVERY_WAY = pytest.mark.parametrize("how", WAYS)
# The parts of addresses behind which it stands.
PARTS = {"assignment_id", "customer_id", "package_id", "run_id", "did_id"}


@pytest.fixture(scope="module")
def stage(folder):
    """A portal with two customers and their things; put back as it was by `clean`."""
    stage = role_stage.make(folder, "broken")
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def before(stage):
    """How each page of each role answers while nothing is broken."""
    stage.clean()
    return {
        role: pages(stage.app, browser(stage, role), stage.things.get(role, stage.things["acme"]), blocks)
        for role, blocks in ASKED
    }


def broken(things, how):
    """The assignment on Acme's DID, broken."""
    assignment = db.session.get_one(Assignment, things["acme"].parts["assignment_id"])
    break_one(assignment, WAYS[how][0])
    return assignment


def pages(app, client, things, blocks):
    """The status of every page that has an address."""
    asked = {"customer_id": things.parts["customer_id"], "package": things.parts["package_id"]}
    return {
        path: client.get(path, query_string=asked).status_code
        for name in ROWS
        if name.startswith("GET") and ROWS[name] in blocks
        for rule in routes(app)[name]
        for path in [address(app, name, rule, things)]
    }


STAFF_PAGES = {"STAFF", "CHANGE", "OWNER", "PERSONAL"}
CUSTOMER_PAGES = {"MINE", "MY_OWNER", "PERSONAL"}
CUSTOMERS = [("acme", CUSTOMER_PAGES), ("globex", CUSTOMER_PAGES)]
ASKED = [*((role, STAFF_PAGES) for role in role_stage.STAFF), *CUSTOMERS]


def who_asks(how):
    """Customers and one of the staff, another one each time, the owner first; with --deep always the owner too."""
    staff = ASKED[: len(role_stage.STAFF)]
    one = staff[-1 - list(WAYS).index(how) % len(staff)]
    return [one, *CUSTOMERS, *(owner for owner in tries([], deep=staff[-1:]) if owner != one)]


@EVERY_WAY
def test_every_page_of_every_role_answers_as_if_nothing_were_broken(stage, before, how):
    stage.clean()
    things = {role: stage.things.get(role, stage.things["acme"]) for role, _ in ASKED}
    assert sum(status == 200 for status in before["owner"].values()) > 40
    with stage.app.app_context():
        broken(stage.things, how)
    # There is no price to be typed over.
    editor = f"/packages/{things['owner'].parts['package_id']}/row/edit"
    for role, blocks in who_asks(how):
        after = pages(stage.app, browser(stage, role), things[role], blocks)
        changed = {path: status for path, status in after.items() if status != before[role][path]}
        assert changed == ({editor: 409} if how == "no prices" and role in ("billing", "owner") else {})


@EVERY_WAY
def test_whatever_is_done_to_it_is_done_or_refused_in_a_sentence(stage, how):
    for name, block in ROWS.items():
        if not name.startswith("POST") or block not in STAFF_PAGES:
            continue
        for rule in routes(stage.app)[name]:
            if not rule.arguments & PARTS:
                continue
            stage.clean()
            with stage.app.app_context():
                broken(stage.things, how)
            things = stage.things["acme"]
            path = address(stage.app, name, rule, things)
            version = {"version": "1", "customer_id": things.parts["customer_id"]}
            answer = browser(stage, "owner").post(path, data=version)
            assert answer.status_code < 500, f"{name} ({path}): {answer.status_code}"


@EVERY_WAY
def test_on_either_database_its_pages_name_it(app, client, how):
    with app.app_context():
        customer, package = trade.a_customer("Broken Ltd"), trade.a_package("SIP Trunk")
        did = trade.a_did(customer)
        assignment = trade.assigned(package, customer, trade.date(2026, 11, 1), did=did)
        trade.assigned(trade.a_package("Hosted PBX"), customer, trade.date(2026, 11, 1))
        other = trade.a_customer("Northwind")
        trade.assigned(trade.a_package("Phone"), other, trade.date(2026, 11, 1))
        break_one(assignment, WAYS[how][0])
        paths = {
            "customer": f"/customers/{customer.id}",
            "assignment": f"/assignments/{assignment.id}",
            "upcoming": "/charges/upcoming",
            "overview": "/",
            "did": f"/dids/{did.id}",
            "package": f"/packages/{package.id}",
            "as customer": f"/customers/{customer.id}/as-customer",
            "their charges": f"/customers/{customer.id}/as-customer/charges",
            "customers": "/customers",
            "packages": "/packages",
        }
        told = {} if how == "no position" else {"customer", "upcoming", "overview", "did"}
        number, phone = assignment.id, other.id
    reason = WAYS[how][1].encode()
    for page, path in paths.items():
        answer = client.get(path)
        assert answer.status_code == 200, f"{page}: {answer.status_code}"
        if page in told or page == "assignment":
            assert (
                f"Assignment {number} (SIP Trunk, Broken Ltd) cannot be worked out".encode() in answer.data
            ), page
            assert reason in answer.data, page
            assert page == "assignment" or f'href="/assignments/{number}"'.encode() in answer.data, page
        if page.startswith("their"):
            assert b"cannot be worked out" not in answer.data
    assert f"/customers/{phone}".encode() in client.get("/charges/upcoming").data
    answer = client.post("/runs", data={"through": "2026-11-22", "simulate": "no"}, follow_redirects=True)
    assert answer.status_code == 200
    assert reason in answer.data and f'href="/assignments/{number}"'.encode() in answer.data
