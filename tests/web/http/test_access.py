"""Who may do what: a viewer looks, billing staff change, people of a customer see none of it."""

import pytest
from flask import Blueprint

from portal.extensions import db
from portal.models.user import User
from portal.web.http.access import changes_nothing, require_role
from tests import world
from tests.pages import page, words


@pytest.fixture
def rooms(folder, app):
    """The portal with a few doors to try."""
    rooms = world.make_app(folder, app.config["SQLALCHEMY_DATABASE_URI"])
    rooms.extensions["portal.tests.cast"] = app.extensions["portal.tests.cast"]
    doors = Blueprint("doors", __name__)
    doors.post("/change", endpoint="change")(lambda: "changed")
    doors.post("/preview", endpoint="preview")(changes_nothing(lambda: "shown"))
    doors.get("/owners", endpoint="owners")(require_role()(lambda: "owner"))
    doors.get("/clerks", endpoint="clerks")(require_role("billing")(lambda: "clerk"))
    rooms.register_blueprint(doors)
    yield rooms
    with rooms.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("role", "change", "preview", "owners", "clerks"),
    [("owner", 200, 200, 200, 200), ("billing", 200, 200, 403, 200), ("viewer", 403, 200, 403, 403)],
)
def test_each_role_opens_its_own_doors(rooms, role, change, preview, owners, clerks):
    client = world.signed_in(rooms, role)
    assert client.post("/change").status_code == change
    assert client.post("/preview").status_code == preview
    assert client.get("/owners").status_code == owners
    assert client.get("/clerks").status_code == clerks
    assert client.get("/").status_code == 200


def test_a_viewer_is_told_whom_to_ask(rooms):
    soup = page(world.signed_in(rooms, "viewer").post("/change"), 403)
    assert "Ask an owner" in words(soup.select_one("main"))


def test_people_of_a_customer_find_nothing_but_their_own_pages(rooms, customer_of_viewer):
    client = world.signed_in(rooms, "viewer")
    assert page(client.get("/my"))
    assert client.get("/").location == "/my"
    assert client.get("/customers").status_code == 404
    assert client.post("/preview").status_code == 404
    assert client.post("/logout").status_code == 302


@pytest.fixture
def customer_of_viewer(app):
    """Vera works for a customer now."""
    from datetime import UTC, date, datetime

    from portal.models import Customer

    with app.app_context():
        customer = Customer(
            token="t", name="Acme", currency="USD",
            created_on=date(2026, 1, 1), created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        db.session.add(customer)
        db.session.flush()
        db.session.query(User).filter_by(email="viewer@lumen.example").one().customer_id = customer.id
        db.session.commit()
