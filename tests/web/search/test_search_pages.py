"""The one search over HTTP: the box on each page, what hangs below it, the page without script, and for whom it is."""

from typing import Any

import pytest
from flask import Flask

from portal.domain.searching import ACTS, LONGEST
from portal.web.search.pages import BEGINNINGS
from tests import world
from tests.pages import page, part, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _on_a_sunday(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def found(client: Any, text: str) -> Any:
    return page(client.get("/search", query_string={"q": text}))


def options(client: Any, text: str) -> Any:
    return part(client.get("/search", query_string={"q": text}, headers=HTMX))


def hrefs(soup: Any) -> list[str]:
    return [link["href"] for link in soup.select("a.hit")]


def test_every_page_of_the_provider_has_the_box_a_plain_form(session: Any, client: Any) -> None:
    for address in ("/", "/customers", "/settings", "/search"):
        form = page(client.get(address)).select_one("form[role=search][action='/search']")
        assert (
            form["method"] == "get" and form.select_one("input[name=q]")["aria-label"] == "Search everything"
        )


def test_a_number_says_whose_it_is_and_what_is_on_it_in_the_page_and_below_the_box(
    session: Any, client: Any
) -> None:
    acme = a_customer("Acme")
    did = a_did(acme)
    assigned(a_package("SIP Trunk"), acme, did=did)
    for soup in (found(client, "020 7946 0123"), options(client, "020 7946 0123")):
        assert hrefs(soup) == [f"/dids/{did.id}"]
        assert words(soup.select_one("a.hit")) == "+44 20 7946 0123 by number Acme · SIP Trunk"
    assert words(found(client, "020 7946 0123").select_one("section h2")) == "DIDs"


def test_options_are_numbered_and_say_what_they_answer(session: Any, client: Any) -> None:
    a_customer("44 Acme"), a_did(None)
    soup = options(client, " 442 ")
    assert soup.select_one("[data-for]")["data-for"] == "442"
    ids = [option["id"] for option in options(client, "44").select("[role=listbox] [role=option]")]
    assert ids == [f"found-{place}" for place in range(1, len(ids) + 1)] and ids


def test_where_there_are_more_the_list_has_them_all(session: Any, client: Any) -> None:
    for number in range(8):
        a_customer(f"Acme {number}")
    for soup in (found(client, "acm"), options(client, "acm")):
        assert "There are more." in words(soup)
        link = soup.select_one(".found__more a")["href"]
        assert len(page(client.get(link)).select("tbody tr")) == 8


def test_nothing_found_says_so_and_the_page_what_can_be(session: Any, client: Any) -> None:
    soup = found(client, "qqzzy")
    assert "Nothing was found for “qqzzy”" in words(soup.main) and soup.select_one("main li")
    assert words(options(client, "qqzzy").select_one("[data-say]")) == "Nothing was found."
    assert words(options(client, "")) == ""
    assert "Nothing was found" not in words(found(client, "").main)


@pytest.mark.parametrize(
    "text",
    ["%", "_", "\\", '"', "'", "*", "-", "(", "' OR 1=1 --", '" OR rowid', "NEAR(a b)", "a\0b", "#", "+",
     "#" + "9" * 30, "9" * 18, "9" * 19, "٣٤٥", "漢", "ﷺ" * 30, "e" * 10_000, "a b " * 3_000,
     "<script>alert(1)</script>", "RF", "RF00", "0", "00", "+0", "1e9", "٫", "́", "   "],
)  # fmt: skip
def test_whatever_is_typed_is_answered(session: Any, client: Any, text: str) -> None:
    a_customer("Acme"), a_package(), a_did(None)
    assert found(client, text) and options(client, text)
    raw = client.get(
        "/search?q=" + "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")[:9_000])
    )
    assert raw.status_code == 200


def test_bytes_that_are_no_text_are_answered(client: Any) -> None:
    assert client.get("/search?q=%ff%fe%ed%a0%80&q=a&customer_id=x").status_code == 200


def test_what_is_too_long_is_said_to_be(session: Any, client: Any) -> None:
    assert f"only its first {LONGEST} letters" in words(found(client, "x" * (LONGEST + 1)).main)
    assert "too long" not in words(found(client, "x" * LONGEST).main)


# -- for whom


def test_an_act_leads_to_where_it_begins_for_whom_was_named(session: Any, client: Any) -> None:
    acme = a_customer("Harbour")
    for act in ACTS:
        soup = found(client, f"{act.words} {'harbour' if act.of_customer else ''}")
        link = next(href for href in hrefs(soup) if "/search" not in href)
        answer = client.get(link)
        assert answer.status_code == 200, act
        if act.of_customer:
            assert str(acme.id) in link, act


def test_every_act_begins_somewhere() -> None:
    assert set(BEGINNINGS) == {act.name for act in ACTS}


def test_an_act_that_needs_a_customer_asks_for_one(session: Any, client: Any) -> None:
    assert "Add payment: go on with a customer’s name." in words(found(client, "add payment").main)
    option = options(client, "add payment").select_one("[role=option]")
    assert option["data-fill"] == "Add payment "


def test_a_viewer_finds_all_and_may_open_all_that_is_found(session: Any, app: Flask) -> None:
    acme = a_customer("Harbour 44")
    did = a_did(acme)
    assigned(a_package("Harbour 44 Line"), acme, did=did)
    session.commit()
    viewer = world.signed_in(app, "viewer")
    for text in ("harbour", "442079460123", "run", "add payment harbour", "charge summary harbour"):
        links = hrefs(found(viewer, text))
        for link in links:
            assert viewer.get(link).status_code == 200, link
        assert bool(links) == (text not in ("run", "add payment harbour")), text


def test_a_customers_person_and_nobody_have_no_such_search(session: Any, app: Flask) -> None:
    from portal.models.user import CUSTOMER_OWNER
    from portal.services.people.people import create

    acme = a_customer("Acme")
    person = create("nora@acme.example", "Nora", world.PASSWORD, CUSTOMER_OWNER, acme.id)
    session.commit()
    theirs = app.test_client()
    with theirs.session_transaction() as cookie:
        cookie.update(world.cookie_of(person), _fresh=True)
    session.commit()
    for headers in ({}, HTMX):
        assert theirs.get("/search?q=acme", headers=headers).status_code == 404
        assert "Acme" not in app.test_client().get("/search?q=acme", headers=headers).text
    assert page(theirs.get("/my")).select_one("[action='/search']") is None
