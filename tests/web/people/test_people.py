"""People: invited by a link that expires, changed and deactivated by owners; never the last of them."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.models import Invitation, Mail
from portal.models.user import User
from portal.services.people import invitations
from tests import world
from tests.mail_server import mail_server
from tests.pages import error_at, page, part, words
from tests.trade import a_customer

HTMX = {"HX-Request": "true"}
GOOD = "three-lanterns-burn-late"


@pytest.fixture
def letterbox(app):
    """A mail server on this machine."""
    with mail_server(app) as letterbox:
        yield letterbox


@pytest.fixture
def acme(session):
    """A customer."""
    acme = a_customer("Acme")
    session.commit()
    return acme


def invite(client, email="ann@lumen.example", role="billing", where="/settings/people/invitations", **more):
    return client.post(where, data={"email": email, "name": "Ann", "role": role, **more})


def link(letterbox):
    """The link in the last message, as a path."""
    return re.search(r"http://localhost(/invitations/\S+)", letterbox.messages[-1].get_content())[1]


def accept(browser, path, password=GOOD, **more):
    return browser.post(
        path, data={"name": "Ann", "password": password, "password_confirm": password, **more}
    )


def person(session, role):
    return session.scalars(select(User).where(User.email == world.email(role))).one()


def row_of(soup, email):
    """What the list says of somebody."""
    return words(next(row for row in soup.select("#people tbody tr") if email in row.text))


def test_who_is_invited_chooses_a_password_and_signs_in(client, anonymous, letterbox):
    assert invite(client).location == "/settings/people"
    assert "Ann ann@lumen.example Billing invited" in row_of(page(client.get("/settings/people")), "ann@")
    assert letterbox.messages[-1]["To"] == "ann@lumen.example"
    assert "Olivia Brandt has invited you" in letterbox.messages[-1].get_content()
    soup = page(anonymous.get(link(letterbox)))
    assert "ann@lumen.example" in words(soup.select_one("main"))
    assert accept(anonymous, link(letterbox)).location == "/login"
    assert anonymous.post("/login", data={"email": "ann@lumen.example", "password": GOOD}).status_code == 302
    assert anonymous.get("/packages/new").status_code == 200
    assert "Ann ann@lumen.example Billing" in row_of(page(client.get("/settings/people")), "ann@")


def test_a_link_is_kept_as_a_digest_and_its_message_forgotten(session, client, letterbox):
    invite(client)
    token = link(letterbox).rpartition("/")[2]
    invitation = session.scalars(select(Invitation)).one()
    assert token not in invitation.token_digest
    assert token not in session.scalars(select(Mail)).one().text


@pytest.mark.parametrize("how", ["accepted", "withdrawn", "sent again", "expired", "made up"])
def test_a_link_that_has_expired_says_the_same_whatever_the_reason(
    session, client, anonymous, letterbox, how, monkeypatch
):
    invite(client)
    path = link(letterbox)
    where = f"/settings/people/invitations/{session.scalars(select(Invitation.id)).one()}"
    if how == "accepted":
        accept(anonymous, path)
    elif how == "withdrawn":
        client.post(f"{where}/withdraw")
    elif how == "sent again":
        client.post(f"{where}/resend")
        assert link(letterbox) != path
        assert anonymous.get(link(letterbox)).status_code == 200
    elif how == "expired":
        later = clock.now() + invitations.HOLDS
        monkeypatch.setattr("portal.web.people.invitations.now", lambda: later)
    else:
        path = "/invitations/" + "x" * 43
    for answer in (anonymous.get(path), accept(anonymous, path, "another-good-password-9")):
        soup = page(answer, 404)
        assert words(soup.select_one("main > p")).startswith(
            "This invitation is no longer valid. It was accepted or"
        )


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "12 characters or more"),
        ("password1234", "too easy to guess"),
        ("ann@lumen.example", "too easy to guess"),
        ("qwertyuiop12", "too easy to guess"),
        ("x" * 129, "128 characters at most"),
    ],
)
def test_a_password_is_long_and_not_easy_to_guess(client, anonymous, letterbox, password, says):
    invite(client)
    soup = page(accept(anonymous, link(letterbox), password), 422)
    assert says in error_at(soup, "password")
    assert soup.select_one("[name=name]")["value"] == "Ann"


def test_a_password_is_typed_twice(client, anonymous, letterbox):
    invite(client)
    soup = page(accept(anonymous, link(letterbox), password_confirm="another"), 422)
    assert "passwords do not match" in error_at(soup, "password_confirm")


@pytest.mark.parametrize(
    ("wrong", "field", "says"),
    [
        ({"email": ""}, "email", "Enter the address"),
        ({"email": "no address"}, "email", "is not an e-mail address"),
        ({"email": "Billing@Lumen.example"}, "email", "already has an account"),
        ({"role": "customer owner"}, "role", "Not a valid choice"),
        ({"role": ""}, "role", "Not a valid choice"),
        ({"name": "x" * 101}, "name", "100 characters"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused_at_its_field(session, client, wrong, field, says):
    soup = page(invite(client, **{"email": "ann@lumen.example", **wrong}), 422)
    if field == "role":
        assert says in words(soup.select_one("#invite-role-error")) or "Choose" in words(
            soup.select_one("#invite-role-error")
        )
    else:
        assert says in error_at(soup, field)
    assert not session.scalars(select(Invitation)).all()


def test_the_dialog_and_the_page_hold_the_same_form(client):
    assert part(client.get("/settings/people/new", headers=HTMX)).select_one("form#invite")
    assert page(client.get("/settings/people/new")).select_one("form#invite")
    answer = client.post("/settings/people/invitations", headers=HTMX, data={"email": "x"})
    assert part(answer, 422).select_one("form#invite [aria-invalid=true]")


def test_an_owner_changes_what_somebody_may_do(session, client):
    ben = person(session, "billing")
    assert page(client.get(f"/settings/people/{ben.id}/row/edit")).select_one("select[name=role]")
    assert part(client.get(f"/settings/people/{ben.id}/row/edit", headers=HTMX)).select_one("tr.editing")
    client.post(f"/settings/people/{ben.id}/row", data={"name": "Ben Cooper", "role": "viewer"})
    session.refresh(ben)
    assert (ben.name, ben.role) == ("Ben Cooper", "viewer")
    soup = part(
        client.post(f"/settings/people/{ben.id}/row", data={"name": "", "role": "viewer"}, headers=HTMX), 422
    )
    assert error_at(soup, "name") == "Enter a name."
    assert page(client.post(f"/settings/people/{ben.id}/row", data={"name": "B", "role": "king"}), 422)


def test_who_is_deactivated_is_signed_out_and_cannot_sign_in(session, client, app):
    ben, browser = person(session, "billing"), world.signed_in(app, "billing")
    assert browser.get("/").status_code == 200
    client.post(f"/settings/people/{ben.id}/deactivate")
    assert browser.get("/").status_code == 303
    typed = {"email": ben.email, "password": world.PASSWORD}
    assert browser.post("/login", data=typed).status_code == 422
    assert "deactivated" in row_of(page(client.get("/settings/people")), ben.email)
    client.post(f"/settings/people/{ben.id}/reactivate")
    assert browser.get("/").status_code == 303  # the old sign-in stays ended
    assert browser.post("/login", data=typed).status_code == 302


def test_nobody_takes_themselves_out_nor_the_last_owner(session, client):
    olivia, vera = person(session, "owner"), person(session, "viewer")
    for path, data in (
        (f"/{olivia.id}/deactivate", {}),
        (f"/{olivia.id}/row", {"name": "O", "role": "viewer"}),
    ):
        soup = page(client.post(f"/settings/people{path}", data=data), 409)
        assert "Ask another owner" in words(soup.select_one("main"))
    client.post(f"/settings/people/{vera.id}/row", data={"name": "Vera", "role": "owner"})
    as_vera = world.signed_in(client.application, "viewer")
    as_vera.post(f"/settings/people/{olivia.id}/deactivate")
    soup = page(client.get("/login"))  # Olivia is signed out
    session.refresh(olivia)
    assert not olivia.active and soup
    answer = as_vera.post(f"/settings/people/{olivia.id}/deactivate")
    assert answer.status_code == 303  # already: nothing to do


def test_the_last_owner_cannot_be_taken_out_by_somebody_who_is_none(session, app):
    from portal.domain.errors import RuleBroken
    from portal.services.people import people

    olivia, ben = person(session, "owner"), person(session, "billing")
    with pytest.raises(RuleBroken, match="last owner"):
        people.deactivate(olivia, ben, clock.now())
    with pytest.raises(RuleBroken, match="last owner"):
        people.change_role(olivia, "viewer", ben)


@pytest.mark.parametrize("role", ["billing", "viewer"])
def test_people_are_for_owners(app, role):
    browser = world.signed_in(app, role)
    assert browser.get("/settings/people").status_code == 403
    assert invite(browser).status_code == 403
    assert "/settings/people" not in browser.get("/settings").text


def test_a_customers_people_are_invited_from_the_customers_page(session, client, anonymous, acme, letterbox):
    soup = page(client.get(f"/customers/{acme.id}/people"))
    opener = soup.select_one("[aria-labelledby=people-head] a[hx-get]")
    assert page(client.get(opener["href"]))
    answer = invite(client, "sue@acme.example", "customer owner", f"/customers/{acme.id}/people")
    assert answer.location == f"/customers/{acme.id}/people"
    assert "for Acme" in letterbox.messages[-1].get_content()
    accept(anonymous, link(letterbox))
    sue = session.scalars(select(User).where(User.email == "sue@acme.example")).one()
    assert (sue.customer_id, sue.role) == (acme.id, "customer owner")
    listed = page(client.get(f"/customers/{acme.id}/people"))
    assert "Customer owner" in row_of(listed, "sue@acme.example")
    assert invite(client, "x@acme.example", "owner", f"/customers/{acme.id}/people").status_code == 422


def test_inviting_again_makes_the_earlier_link_worthless(session, client, anonymous, letterbox):
    invite(client)
    first = link(letterbox)
    invite(client)
    assert anonymous.get(first).status_code == 404
    assert anonymous.get(link(letterbox)).status_code == 200
    assert len(invitations.waiting(clock.now(), None)) == 1


def test_a_customers_owner_does_not_learn_who_else_signs_in(session, client, acme, letterbox):
    from portal.services.people import people

    sue = people.create("sue@acme.example", "Sue", GOOD, "customer owner", acme.id)
    _, token = invitations.invite(
        "owner@lumen.example", "", "customer user", by=sue, now=clock.now(), customer_id=acme.id
    )
    assert token is None
    _, other = invitations.invite(
        "new@acme.example", "", "customer user", by=sue, now=clock.now(), customer_id=acme.id
    )
    assert other
    assert {one.email for one in invitations.waiting(clock.now(), acme.id)} == {
        "owner@lumen.example", "new@acme.example",
    }  # fmt: skip


def test_an_expired_invitation_can_be_sent_again(session, client, letterbox):
    invite(client)
    invitation = session.scalars(select(Invitation)).one()
    invitation.expires_at = clock.now() - timedelta(hours=1)
    session.commit()
    assert "invitation expired" in row_of(page(client.get("/settings/people")), "ann@")
    client.post(f"/settings/people/invitations/{invitation.id}/resend")
    session.refresh(invitation)
    assert invitation.expires_at > clock.now()
    assert len(letterbox.messages) == 2


def test_the_link_in_a_message_begins_with_the_setting_whatever_was_asked_for(
    app, client, letterbox, monkeypatch
):
    monkeypatch.setitem(app.config, "URL", "http://127.0.0.1:8765")
    there = {"base_url": "http://localhost:6666"}
    typed = {"email": "ann@lumen.example", "name": "Ann", "role": "billing"}
    client.post("/settings/people/invitations", data=typed, **there)
    client.post("/reset", data={"email": "viewer@lumen.example"}, **there)
    invited, forgotten = (message.get_content() for message in letterbox.messages)
    assert "http://127.0.0.1:8765/invitations/" in invited
    assert "http://127.0.0.1:8765/reset/" in forgotten
    assert "localhost" not in invited + forgotten


def test_an_invitation_is_sent_to_an_address_a_few_times_and_not_for_ever(session, client, letterbox):
    invite(client)
    invitation_id = session.scalars(select(Invitation.id)).one()
    resend = f"/settings/people/invitations/{invitation_id}/resend"
    assert [client.post(resend).status_code for _ in range(2)] == [303, 303]
    digest = session.get_one(Invitation, invitation_id).token_digest
    answer = client.post(resend)
    assert answer.status_code == 409
    assert "Too many invitations to ann@lumen.example in a short time. Wait 15 minutes" in answer.text
    session.expire_all()
    assert session.get_one(Invitation, invitation_id).token_digest == digest, "the last link still holds"
    client.post(f"/settings/people/invitations/{invitation_id}/withdraw")
    assert invite(client).status_code == 409, "nor by inviting anew"
    assert invite(client, email="ben@lumen.example").status_code == 303, "others are invited all the same"
    assert len(letterbox.messages) == 4


# A customer's own owner


@pytest.fixture
def sue(session, app, acme):
    """Acme's owner, signed in."""
    from portal.services.people import people

    person = people.create("sue@acme.example", "Sue", GOOD, "customer owner", acme.id)
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie.update(world.cookie_of(person), _fresh=True, fs_paa=world.time.time())
    session.commit()
    return browser


def test_a_customers_owner_invites_their_own_people(session, anonymous, acme, sue, letterbox):
    opener = page(sue.get("/my/people")).select_one("a[href$='/my/people/new']")
    assert page(sue.get(opener["href"])).select_one("form#invite")
    answer = invite(sue, "tim@acme.example", "customer user", "/my/people")
    assert answer.location == "/my/people"
    assert "Sue has invited you to Lumen Voice's portal for Acme" in " ".join(
        letterbox.messages[-1].get_content().split()
    )
    accept(anonymous, link(letterbox))
    tim = session.scalars(select(User).where(User.email == "tim@acme.example")).one()
    assert (tim.customer_id, tim.role) == (acme.id, "customer user")
    soup = page(sue.get("/my/people"))
    assert not re.search(r"/(\d+)(/|$)", " ".join(form["action"] for form in soup.select("#people form")))
    act = next(form["action"] for form in soup.select("#people form") if "deactivate" in form["action"])
    assert sue.post(act).location == "/my/people"
    session.refresh(tim)
    assert not tim.active


def test_a_customers_owner_makes_nobody_staff(session, acme, sue):
    for role in ("owner", "billing", "viewer"):
        assert invite(sue, "tim@acme.example", role, "/my/people").status_code == 422


def test_who_only_belongs_to_a_customer_sees_its_people_and_changes_none(session, app, acme, sue):
    from portal.services.people import people

    tim = people.create("tim@acme.example", "Tim", GOOD, "customer user", acme.id)
    browser = app.test_client()
    with browser.session_transaction() as cookie:
        cookie.update(world.cookie_of(tim), _fresh=True)
    session.commit()
    soup = page(browser.get("/my/people"))
    assert "Sue" in words(soup.select_one("#people"))
    assert not soup.select("#people form, a[href*='/people/new']")
    assert invite(browser, "x@acme.example", "customer user", "/my/people").status_code == 403


def test_people_of_a_customer_have_an_account(sue):
    soup = page(sue.get("/account"))
    assert "sue@acme.example" in words(soup.select_one("main"))
    assert not soup.select("a[href='/packages']")
