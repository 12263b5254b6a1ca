"""The list of packages, its rows, one package's page, and what can be done with it. Today is 22 November 2026."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from portal.domain.schedule import FIRST_DAY, Frequency
from portal.models import Package
from tests.pages import error_at, page, part, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

HTMX = {"HX-Request": "true"}
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def typed(package: Package, **changed: str) -> dict[str, str]:
    """What an open row sends."""
    return {
        "version": str(package.version),
        "name": package.name,
        "currency": "GBP",
        "cost": "10",
        "retail": "24.50",
        "effective_from": "",
        **changed,
    }


def names(response) -> list[str]:
    return [words(link) for link in page(response).select("tbody th[scope=row] a")]


# -- the list


def test_an_empty_list_offers_the_first_step(client):
    main = page(client.get("/packages")).select_one("main")
    assert "Nothing is for sale yet." in words(main)
    assert main.select_one('.empty a[href="/packages/new"]')


def test_a_row_says_when_and_what_is_charged_and_how_many_have_it(client, session):
    package = a_package("SIP Trunk 10", match=(15, 31), currencies=("GBP", "USD"))
    assigned(package, a_customer())
    row = page(client.get("/packages?currency=GBP")).select_one(f"#package-{package.id}")
    assert words(row).startswith(
        "SIP Trunk 10 monthly, 15th and 31st 24.50 GBP +1 more 10.00 59% 1 49.00 GBP "
    )


def test_retail_below_cost_is_said_in_words(client, session):
    a_package("Text to Speech", "4.25", cost="6.50")
    row = words(page(client.get("/packages")).select_one("tbody tr"))
    assert row.startswith("Text to Speech below cost monthly, 1st 4.25 GBP 6.50 −53%")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Phone", "Trunk"]),
        ("?q=TRUNK", ["Trunk"]),
        ("?state=archived", ["Gone"]),
        ("?state=all&sort=-name", ["Trunk", "Phone", "Gone"]),
        ("?sort=-added", ["Phone", "Trunk"]),
        ("?frequency=none", ["Phone"]),
        ("?currency=USD", ["Phone"]),
        ("?type=free_minutes", []),
        ("?state=nonsense&sort=nonsense&type=nonsense", ["Phone", "Trunk"]),
    ],
)
def test_what_the_list_shows_is_in_its_address(client, session, query, found):
    a_package("Trunk")
    a_package("Gone").archived_on = TODAY
    a_package("Phone", frequency=Frequency.NONE, match=(), currencies=("USD",))
    assert names(client.get(f"/packages{query}")) == found


def test_search_answers_the_part_that_changes(client, session):
    a_package("Trunk")
    soup = part(client.get("/packages?q=trunk", headers=HTMX))
    assert words(soup.select_one("tbody th a")) == "Trunk"


def test_pages_follow_each_other_and_say_how_many_there_are(client, session):
    for number in range(60):
        a_package(f"Package {number:02}")
    soup = page(client.get("/packages"))
    assert len(soup.select("tbody tr")) == 50
    assert words(soup.select_one(".pager p")) == "60 packages"
    following = page(client.get(soup.select_one("a[rel=next]")["href"]))
    assert [words(link) for link in following.select("tbody th a")] == [f"Package {n}" for n in range(50, 60)]
    assert following.select_one("a[rel=prev]")


def test_a_viewer_sees_no_button_that_changes_anything(as_viewer, session):
    package = a_package("Trunk")
    for url in ("/packages", f"/packages/{package.id}"):
        soup = page(as_viewer.get(url))
        assert not soup.select("main form[method=post]")
        assert not soup.select('main a[href$="/edit"], main a[href="/packages/new"]')
    assert as_viewer.post(f"/packages/{package.id}/row", data=typed(package)).status_code == 403


# -- a row, edited in place


def test_a_row_opens_in_place_and_by_a_page_of_its_own(client, session):
    package = a_package("Trunk")
    row = part(client.get(f"/packages/{package.id}/row/edit", headers=HTMX)).select_one("tr.editing")
    assert row.select_one("[name=retail]")["value"] == "24.50"
    soup = page(client.get(f"/packages/{package.id}/row/edit?q=nothing"))
    assert len(soup.select("tr.editing")) == 1
    assert soup.select_one("main .search")["action"] == "/packages"


def test_a_row_saves_at_once_while_nobody_has_it(client, session):
    package = a_package("Trunk")
    answer = client.post(
        f"/packages/{package.id}/row", data=typed(package, name="Trunk 2", retail="30"), headers=HTMX
    )
    assert words(part(answer).select_one("tr")).startswith("Trunk 2 monthly, 1st 30.00 GBP 10.00 67%")
    assert client.post(f"/packages/{package.id}/row", data=typed(package, retail="31")).status_code == 303


def test_a_change_of_price_says_whom_it_affects_before_it_is_saved(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer(), quantity=2)
    run(date(2026, 12, 1))
    url = f"/packages/{package.id}/row"
    seen = part(client.post(url, data=typed(package, retail="30"), headers=HTMX)).select_one("tr.editing")
    assert "1 assignment of 1 customer" in words(seen)
    assert "49.00 a month becomes 60.00 (+11.00)" in words(seen)
    assert package.price_on("GBP", TOMORROW).retail == Decimal("24.50")
    confirmed = seen.select_one("[name=confirmed]")["value"]
    saved = client.post(url, data=typed(package, retail="30", confirmed=confirmed), headers=HTMX)
    assert not part(saved).select("tr.editing")
    assert "The new terms take effect on 23 November 2026." in saved.text
    assert package.price_on("GBP", TOMORROW).retail == 30


def test_somebody_new_who_is_affected_in_the_meantime_is_shown_first(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer())
    url = f"/packages/{package.id}/row"
    seen = part(client.post(url, data=typed(package, retail="30"), headers=HTMX))
    confirmed = seen.select_one("[name=confirmed]")["value"]
    assigned(package, a_customer("Globex"))
    again = part(client.post(url, data=typed(package, retail="30", confirmed=confirmed), headers=HTMX))
    assert "2 assignments of 2 customers" in words(again)


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"name": ""}, "name", "Give the package a name."),
        ({"retail": "12,50"}, "retail", "digits with a point"),
        ({"retail": "-1"}, "retail", "0 to 999,999,999"),
        ({"cost": "0.0000001"}, "cost", "6 decimals"),
        ({"effective_from": "2026-02-30"}, "effective_from", "Enter a date"),
        ({"retail": "30", "effective_from": "2026-11-01"}, "effective_from", "or a later day"),
    ],
)
def test_a_row_keeps_what_was_typed_and_says_what_is_wrong(client, session, changed, field, says):
    package = a_package("Trunk")
    answer = client.post(f"/packages/{package.id}/row", data=typed(package, **changed), headers=HTMX)
    row = part(answer, 422)
    assert says in error_at(row, field)
    assert row.select_one(f"[name={field}]")["value"] == changed[field]
    page(client.post(f"/packages/{package.id}/row", data=typed(package, **changed)), 422)


def test_a_stale_row_shows_what_is_stored_and_loses_nothing(client, session):
    package = a_package("Trunk")
    stale = typed(package, name="Mine", retail="30")
    client.post(f"/packages/{package.id}/row", data=typed(package, name="Theirs", retail="28"))
    row = part(client.post(f"/packages/{package.id}/row", data=stale, headers=HTMX), 409)
    assert row.select_one("[name=name]")["value"] == "Mine"
    assert "Stored now: Theirs" in words(row)
    assert "Stored now: 28.00" in words(row)
    kept = client.post(
        f"/packages/{package.id}/row", data={**stale, "version": row.select_one("[name=version]")["value"]}
    )
    assert kept.status_code == 303
    assert package.name == "Mine"


# -- one package


def test_the_page_says_what_it_is_who_has_it_and_what_it_brings(client, session):
    package = a_package("Trunk", minimum_days=30, currencies=("GBP", "USD"))
    acme, globex = a_customer("Acme"), a_customer("Globex", "USD")
    assigned(package, acme, quantity=2)
    assigned(package, acme, did=a_did(acme))
    assigned(package, globex)
    main = words(page(client.get(f"/packages/{package.id}")).select_one("main"))
    assert "Assigned today 3 to 2 customers" in main
    assert "Recurring, a month 24.50 USD margin 14.50, 1 other currency" in main
    assert "Acme on +44 20 7946 0123 locked until 22 Dec 2026 24.50 GBP 22 Nov 2026" in main
    assert "locked until 22 Dec 2026" in main
    main = words(page(client.get(f"/packages/{package.id}/figures")).main)
    assert "GBP 2 1 3 73.50 30.00 43.50" in main
    assert "USD 1 1 1 24.50 10.00 14.50" in main
    assert "Next charge dates" in main


def test_the_days_that_come_then_come_after_those_listed(client, session):
    package = a_package("Line", match=(15, 31))
    assigned(package, a_customer(), date(2026, 12, 22))
    main = words(page(client.get(f"/packages/{package.id}/figures")).main)
    assert "Tue 22 Dec 2026 1 Then 31 Dec 2026, 15 Jan 2027, 31 Jan 2027" in main


def test_the_price_list_says_what_is_in_force_from_when_and_a_planned_set_is_removed(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer())
    run(date(2026, 12, 1))
    url = f"/packages/{package.id}"
    seen = part(client.post(f"{url}/row", data=typed(package, retail="30"), headers=HTMX))
    client.post(
        f"{url}/row", data=typed(package, retail="30", confirmed=seen.select_one("[name=confirmed]")["value"])
    )
    text = words(page(client.get(f"{url}/prices")).select_one("main"))
    assert "GBP until 22 Nov 2026 10.00 24.50 0.00 0.00 in force" in text
    assert "GBP from 23 Nov 2026 10.00 30.00 0.00 0.00 planned" in text
    assert (
        client.post(f"{url}/planned/delete", data={"effective_from": TOMORROW.isoformat()}).status_code == 303
    )
    assert [price.effective_from for price in package.prices] == [FIRST_DAY]
    assert client.post(f"{url}/planned/delete", data={"effective_from": "nonsense"}).status_code == 422


def test_who_has_ended_is_in_the_list_of_all(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer("Acme"), date(2026, 1, 1), end_date=date(2026, 1, 31))
    assert "Nobody has it." in words(page(client.get(f"/packages/{package.id}")).select_one("main"))
    everybody = page(client.get(f"/packages/{package.id}?state=all"))
    assert "ended 31 Jan 2026" in words(everybody.select_one("#assigned"))


def test_a_package_that_is_not_there_is_not_found(client):
    for url in ("/packages/99", "/packages/99/edit", "/packages/99/row/edit", "/packages/99/copy"):
        page(client.get(url), 404)


# -- archive and delete


def test_archiving_takes_it_off_sale_and_back(client, session):
    package = a_package("Trunk")
    assert client.post(f"/packages/{package.id}/archive").status_code == 303
    assert package.archived_on == TODAY
    assert client.post(f"/packages/{package.id}/restore").status_code == 303
    assert package.archived_on is None


def test_chosen_rows_are_archived_together(client, session):
    chosen = [a_package("One"), a_package("Two")]
    other = a_package("Three")
    assert client.post("/packages/archive", data={"ids": [p.id for p in chosen]}).status_code == 303
    assert [bool(p.archived_on) for p in (*chosen, other)] == [True, True, False]
    page(client.post("/packages/archive"), 409)


def test_a_package_nobody_ever_had_is_deleted(client, session):
    package = a_package("Trunk")
    question = page(client.get(f"/packages/{package.id}/delete"))
    assert "never assigned" in words(question.select_one("main"))
    url = f"/packages/{package.id}"
    assert client.post(f"{url}/delete").status_code == 303
    page(client.get(url), 404)


def test_a_package_somebody_has_is_refused_with_the_way_out(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer("Acme"))
    part(client.get(f"/packages/{package.id}/delete", headers=HTMX))
    asked = page(client.get(f"/packages/{package.id}/delete"))
    assert "Acme" in words(asked.select_one("main"))
    way = asked.select_one(f'main form[action="/packages/{package.id}/archive"]')
    assert words(way) == "Archive it instead"
    refused = page(client.post(f"/packages/{package.id}/delete"), 409)
    assert refused.select_one(f'form[action="/packages/{package.id}/archive"]')
    assert client.post(way["action"]).status_code == 303
    assert package.archived_on == TODAY


def test_where_very_many_have_it_the_page_does_not_wait_for_its_figures(client, session, monkeypatch):
    monkeypatch.setattr("portal.web.packages.page.MANY", 1)
    package = a_package("Trunk")
    for name in ("Acme", "Globex"):
        assigned(package, a_customer(name))
    soup = page(client.get(f"/packages/{package.id}"))
    assert "More than 1 assignment" in words(soup.select_one(".pager"))
    assert soup.select_one("#facts[hx-trigger=load] a")["href"] == f"/packages/{package.id}/figures"
    for answer in (
        page(client.get(f"/packages/{package.id}/figures")),
        part(client.get(f"/packages/{package.id}/figures", headers=HTMX)),
    ):
        assert "Assigned today 2 to 2 customers" in words(answer)


def test_an_open_row_says_which_prices_are_planned(client, session):
    package = a_package("Seat", currencies=("GBP", "USD"))
    assigned(package, a_customer(), date(2026, 11, 1))
    run()
    session.commit()
    change = typed(package, retail="30", effective_from="2027-01-01")
    shown = client.post(f"/packages/{package.id}/row", data=change, headers=HTMX)
    confirmed = part(shown, shown.status_code).select_one("[name=confirmed]")
    if confirmed:
        client.post(
            f"/packages/{package.id}/row", data=change | {"confirmed": confirmed["value"]}, headers=HTMX
        )
    row = part(client.get(f"/packages/{package.id}/row/edit?currency=GBP", headers=HTMX)).select_one(
        "tr.editing"
    )
    assert "Planned from 1 Jan 2027: cost 10.00, retail 30.00." in words(row)
    other = part(client.get(f"/packages/{package.id}/row/edit?currency=USD", headers=HTMX)).select_one(
        "tr.editing"
    )
    assert "Planned" not in words(other)
