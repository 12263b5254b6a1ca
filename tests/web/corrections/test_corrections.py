"""Pages of corrections back to a day: who may, what is seen first, and what the mail says."""

from datetime import date

import pytest
from sqlalchemy import func, select

from portal.models import Assignment, Charge, Correction, Mail
from tests import world
from tests.pages import error_at, page, words
from tests.trade import TODAY, a_customer, a_package, assigned, run

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def trunk(app, session, monkeypatch):
    """A package that Acme has had since October."""
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    found, acme = a_package("Trunk", "24.50"), a_customer("Acme")
    acme.email = "ap@acme.example"
    assigned(found, acme, OCTOBER)
    run()
    session.commit()
    return found


def form(trunk, **more):
    return {
        "package": trunk.id,
        "since": "2026-10-01",
        "currency": "GBP",
        "retail": "20",
        "token": "t",
        **more,
    }


def test_a_packages_prices_are_corrected_by_the_owner_alone(app, client, trunk):
    billing = world.signed_in(app, "billing")
    assert billing.get(f"/corrections/new?package={trunk.id}").status_code == 403
    assert billing.post("/corrections", data=form(trunk)).status_code == 403
    assert "Correct back to a day" not in words(page(billing.get(f"/packages/{trunk.id}")).select_one("main"))
    assert "Correct back to a day" in words(page(client.get(f"/packages/{trunk.id}")).select_one("main"))


def test_nothing_is_posted_before_it_was_seen(client, session, trunk):
    seen = page(client.post("/corrections", data=form(trunk)))
    assert session.scalar(select(func.count(Correction.id))) == 0
    assert "−9.00" in words(seen.select_one("#preview"))
    again = form(trunk, seen=seen.select_one("[name=seen]")["value"])
    answer = client.post("/corrections", data=again)
    assert answer.status_code == 303
    assert "Acme" in words(page(client.get(answer.location)))
    assert session.scalar(select(func.sum(Charge.amount)).where(Charge.correction_id.is_not(None))) == -9


def test_the_mail_says_in_a_sentence_what_was_wrong_and_what_goes_back_and_is_sent_once(
    client, session, trunk
):
    seen = page(client.post("/corrections", data=form(trunk))).select_one("[name=seen]")["value"]
    at = client.post("/corrections", data=form(trunk, seen=seen)).location
    for _ in range(2):
        assert client.post(f"{at}/mails").status_code == 303
    (mail,) = session.scalars(select(Mail))
    assert mail.to == "ap@acme.example"
    assert "The price was wrong since 1 October 2026.\n- Trunk\n\n" in mail.text
    assert "10.80 GBP is credited to you, tax included." in mail.text
    assert "/my/charges" in mail.text


def test_nobody_is_mailed_of_what_was_taken_back_since(client, session, trunk):
    seen = page(client.post("/corrections", data=form(trunk))).select_one("[name=seen]")["value"]
    at = client.post("/corrections", data=form(trunk, seen=seen)).location
    charges = session.scalars(select(Charge).where(Charge.correction_id.is_not(None))).all()
    for charge in charges:
        client.post(f"/charges/{charge.corrects_id}/reversal", data={"reason": "By mistake"})
    said = page(client.get(at))
    assert f"{len(charges)} of these lines were taken back since" in words(said)
    assert "Mail to" not in words(said)
    client.post(f"{at}/mails")
    assert session.scalar(select(func.count(Mail.id))) == 0


def test_an_own_price_is_lifted_back_to_a_day_where_assignments_were_chosen(client, session, trunk):
    (line,) = session.scalars(select(Assignment))
    for number, asked in enumerate(({"retail": "20"}, {"lift": "retail", "retail": ""})):
        data = {"ids": str(line.id), "since": "2026-10-01", "currency": "GBP", "token": f"t{number}", **asked}
        seen = page(client.post("/corrections", data=data)).select_one("[name=seen]")["value"]
        at = client.post("/corrections", data={**data, "seen": seen}).location
    said = words(page(client.get(at)).select_one("main"))
    assert "Retail the package's for 1 assignment" in said
    assert "Retail 20.00 GBP from 1 Oct 2026" in said
    session.refresh(line)
    assert not line.own_prices
    assert session.scalar(select(func.sum(Charge.amount))) == 49
    both = page(client.post("/corrections", data={**data, "retail": "3", "token": "both"}), 422)
    assert "not both" in error_at(both, "retail")


def test_a_correction_is_found_again_where_its_terms_stand(client, session, trunk):
    line = session.scalars(select(Assignment)).one()
    subjects = {
        f"/packages/{trunk.id}/prices": ("/corrections", form(trunk)),
        f"/assignments/{line.id}": ("/corrections", {**form(trunk, quantity=2), "package": "", "ids": line.id}),
        f"/customers/{line.customer_id}/details": (
            "/corrections/tax-rate", {"customer_id": line.customer_id, "since": "2026-10-01", "tax_rate": "5"},
        ),
    }  # fmt: skip
    for number, (where, (address, data)) in enumerate(subjects.items()):
        data = {**data, "token": f"token {number}"}
        seen = page(client.post(address, data=data)).select_one("[name=seen]")["value"]
        at = client.post(address, data={**data, "seen": seen}).location
        assert page(client.get(where)).select_one(f"main a[href='{at}']"), where


def test_the_page_of_a_correction_says_what_held_before(client, trunk):
    seen = page(client.post("/corrections", data=form(trunk))).select_one("[name=seen]")["value"]
    at = client.post("/corrections", data=form(trunk, seen=seen)).location
    assert "Before Cost 10.00 GBP, Retail 24.50 GBP" in words(page(client.get(at)).select_one("main"))


def test_what_was_withdrawn_is_not_corrected_and_says_why(client, session, trunk):
    line = session.scalars(select(Assignment)).one()
    line.withdrawn_on = TODAY
    session.commit()
    said = page(client.get(f"/corrections/new?ids={line.id}"), 409)
    assert "Assigning it was undone" in words(said)
    assert said.select_one(f"a[href='/assignments/{line.id}']")


def test_assignments_of_several_customers_lead_back_to_the_customers(client, session, trunk):
    other = assigned(trunk, a_customer("Globex"), OCTOBER)
    session.commit()
    first = session.scalars(select(Assignment.id).order_by(Assignment.id)).first()
    ids = f"{other.id},{first}"
    crumbs = page(client.get(f"/corrections/new?ids={ids}")).select_one(".crumbs")
    assert words(crumbs) == "Trunk"


def test_the_same_again_is_refused_at_its_day(client, trunk):
    seen = page(client.post("/corrections", data=form(trunk))).select_one("[name=seen]")["value"]
    client.post("/corrections", data=form(trunk, seen=seen))
    soup = page(client.post("/corrections", data=form(trunk, seen=seen, token="another")), 422)
    assert "already hold since 1 October 2026" in error_at(soup, "since")


def test_where_a_change_of_the_past_is_refused_the_way_back_to_a_day_is_offered(client, trunk):
    assert f"/corrections/new?package={trunk.id}" in client.get(f"/packages/{trunk.id}/edit").text
    customer = page(client.get("/customers")).select_one("tbody th a")["href"]
    assert "/corrections/tax-rate/new" in client.get(f"{customer}/details").text
