"""The one walk that a browser takes on PostgreSQL: sign in, edit a row, assign a package, post what is due."""

from datetime import date

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from portal.models import AssignmentQuantity, Charge, Customer
from tests import world
from tests.conftest import POSTGRESQL
from tests.trade import TODAY, a_customer, a_package, assigned

pytestmark = [pytest.mark.browser, pytest.mark.only_on(POSTGRESQL)]

NOVEMBER = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def test_a_clerk_works_on_postgresql_as_on_sqlite(session, screen):
    acme = a_customer("Acme")
    assigned(a_package("Trunk", "20", match=(1,)), acme, NOVEMBER)
    a_package("Seat", "7.50", match=(1,))
    session.commit()
    page = screen(None)
    signs_in(page)
    edits_a_row(page)
    assigns(page, acme.id)
    posts(page)
    session.rollback()
    assert session.get_bind().dialect.name == POSTGRESQL
    assert session.scalars(select(Customer.name)).all() == ["Acme Europe"]
    assert sorted(session.scalars(select(AssignmentQuantity.quantity))) == [1, 2]
    assert len(session.scalars(select(Charge)).all()) == 2


def signs_in(page):
    page.goto("/customers")
    page.get_by_label("E-mail").fill("billing@lumen.example")
    page.get_by_label("Password").fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")


def edits_a_row(page):
    page.get_by_role("link", name="Edit Acme").click()
    name = page.locator("tr.editing input[name=name]")
    name.fill("")
    name.press("Enter")
    expect(page.locator("tr.editing")).to_contain_text("Give the customer a name.")
    name.fill("Acme Europe")
    name.press("Enter")
    expect(page.get_by_role("link", name="Edit Acme Europe")).to_be_focused()


def assigns(page, customer_id):
    page.goto(f"/customers/{customer_id}")
    page.get_by_role("link", name="Assign package").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Package").select_option("Seat")
    dialog.get_by_label("Quantity").fill("2")
    dialog.get_by_label("Start Date").fill(NOVEMBER.isoformat())
    expect(dialog.get_by_role("region", name="What will be charged")).to_contain_text("15.00")
    dialog.get_by_role("button", name="Assign package").last.click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("region", name="Packages").get_by_text("2 assigned")).to_be_visible()


def posts(page):
    page.goto("/runs/new")
    page.get_by_role("button", name="Run Package").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Simulation up to 22 Nov 2026")
    page.get_by_role("button", name="Post 2 charges").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run up to 22 Nov 2026")
    expect(page.get_by_text("Posted 2 charges.")).to_be_visible()
