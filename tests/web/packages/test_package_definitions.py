"""The form that makes, changes and copies packages, through both doors. Today is 22 November 2026."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.models import Package
from portal.services.packages.connexcs import add_connexcs_package
from tests.pages import error_at, page, part, words
from tests.trade import TODAY, a_customer, a_package, assigned, run

HTMX = {"HX-Request": "true"}
TOMORROW = TODAY + timedelta(days=1)
TRUNK = {
    "token": "one-form",
    "name": "SIP Trunk 10",
    "currency": "GBP",
    "cost": "10",
    "retail": "24.50",
    "setup_cost": "0",
    "setup_retail": "25",
    "frequency": "monthly",
    "match_of": "monthly",
    "frequency_match": ["15", "31"],
    "proration": "daily",
    "connexcs_package": "",
    "description": "Ten channels",
    "minimum_days": "60",
    "type": "standard",
    "destination": "",
}


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def only(session) -> Package:
    return session.scalars(select(Package)).one()


def filled(soup) -> dict[str, object]:
    """What a browser would send of the form as it stands."""
    form, data = soup.select_one("#package-form"), {}
    for control in form.select("[name]:not(button)"):
        name, kind = control["name"], control.get("type")
        if kind in ("checkbox", "radio") and not control.has_attr("checked"):
            continue
        if control.name == "select":
            chosen = control.select_one("option[selected]") or control.select_one("option")
            value = chosen["value"]
        else:
            value = control.text.strip() if control.name == "textarea" else control.get("value", "")
        data.setdefault(name, []).append(value)
    return data


# -- making one


def test_a_new_one_is_asked_for_its_partial_periods_and_not_for_match_days(client):
    soup = page(client.get("/packages/new"))
    assert not soup.select("[name=proration][checked]"), "the form asks, without a default"
    assert not soup.select("[name=frequency_match]")


@pytest.mark.parametrize(
    ("frequency", "buttons"), [("weekly", 7), ("monthly", 31), ("daily", 0), ("yearly", 0)]
)
def test_frequency_match_stands_there_for_weekly_and_monthly_only(client, frequency, buttons):
    data = {**TRUNK, "frequency": frequency, "frequency_match": [], "show": "1"}
    for headers in ({}, HTMX):
        answer = client.post("/packages", data=data, headers=headers)
        soup = part(answer) if headers else page(answer)
        assert len(soup.select("[name=frequency_match]")) == buttons


def test_a_package_is_made_as_it_was_typed(client, session):
    service = add_connexcs_package("Call Recording")
    assert client.post("/packages", data={**TRUNK, "connexcs_package": service.id}).status_code == 303
    package = only(session)
    assert (package.name, package.minimum_days, package.proration) == ("SIP Trunk 10", 60, Proration.DAILY)
    assert package.schedules[0].frequency_match == (15, 31)
    assert package.connexcs_package is service
    assert [float(getattr(package.prices[0], n)) for n in ("cost", "retail", "setup_cost", "setup_retail")] == [
        10, 24.5, 0, 25,
    ]  # fmt: skip


def test_a_double_click_makes_one(client, session):
    first, second = (client.post("/packages", data=TRUNK) for _ in range(2))
    assert first.location == second.location
    assert session.scalar(select(func.count(Package.id))) == 1


def test_it_is_sold_in_as_many_currencies_as_are_added(client, session):
    soup = page(client.post("/packages", data={**TRUNK, "add_currency": "1"}))
    assert len(soup.select("[name=currency]")) == 2
    assert soup.select_one("[name=name]")["value"] == "SIP Trunk 10"
    data = filled(soup)
    data["currency"][1], data["retail"][1] = "USD", "30"
    assert client.post("/packages", data=data).status_code == 303
    assert only(session).currencies == ["GBP", "USD"]
    fewer = page(client.post("/packages", data={**data, "remove_currency": "0"}))
    assert [words(o) for o in fewer.select("[name=currency] option[selected]")] == ["USD, US Dollar"]


def test_everything_that_is_wrong_is_reported_at_once(client, session):
    wrong = {"name": "", "cost": "abc", "retail": "-1", "setup_cost": "9999999999", "minimum_days": "9999"}
    soup = page(client.post("/packages", data={**TRUNK, **wrong}), 422)
    listed = [words(link) for link in soup.select(".note--bad a")]
    assert listed == ["Name", "Cost", "Retail", "Setup Cost", "Minimum Days"]


@pytest.mark.parametrize(
    ("field", "changed", "says"),
    [
        ("name", {"name": ""}, "Give the package a name."),
        ("name", {"name": "x" * 121}, "120 characters"),
        ("cost", {"cost": "1e3"}, "digits with a point"),
        ("retail", {"retail": "-0.01"}, "0 to 999,999,999"),
        ("setup_cost", {"setup_cost": "9999999999"}, "0 to 999,999,999"),
        ("setup_retail", {"setup_retail": "0.1234567"}, "6 decimals"),
        ("currency", {"currency": "XXX"}, "Choose a Currency"),
        ("frequency", {"frequency": "hourly", "match_of": "hourly"}, "Choose a Frequency"),
        ("frequency_match", {"frequency_match": ["32"]}, "32 is not a day of the month"),
        ("frequency_match", {"frequency_match": ["first"]}, "Choose days"),
        ("proration", {"proration": []}, "Choose how partial periods are charged"),
        ("proration", {"proration": "hourly"}, "Choose By days or Not charged"),
        ("connexcs_package", {"connexcs_package": "99"}, "Choose a ConnexCS Package"),
        ("minimum_days", {"minimum_days": "3651"}, "0 to 3,650"),
        ("minimum_days", {"minimum_days": "1.5"}, "a whole number"),
        ("type", {"type": "gift"}, "Choose a Type"),
        ("destination", {"type": "free_minutes", "destination": "^44("}, "at character 4"),
        ("minimum_spend", {"frequency": "none", "match_of": "none", "minimum_spend": "y"}, "choose a Frequency"),
        ("minimum_spend", {"type": "free_minutes", "minimum_spend": "y"}, "cannot have a Minimum Spend"),
        ("description", {"description": "x" * 2001}, "2,000 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_its_field_and_everything_typed_stays(
    client, session, field, changed, says
):
    soup = page(client.post("/packages", data={**TRUNK, **changed}), 422)
    if field in ("frequency_match", "proration"):
        assert says in words(soup.select_one(f"#{field}-error"))
    else:
        assert says in error_at(soup, field)
    assert soup.select_one("[role=alert]")
    if field != "description":
        assert soup.select_one("[name=description]").text.strip() == "Ten channels"
    part(client.post("/packages", data={**TRUNK, **changed}, headers=HTMX), 422)
    assert session.scalar(select(func.count(Package.id))) == 0


def test_without_script_a_changed_frequency_clears_its_days_and_asks_again(client, session):
    data = {**TRUNK, "frequency": "weekly", "match_of": "monthly", "frequency_match": ["3"]}
    soup = page(client.post("/packages", data=data), 422)
    assert "cleared" in words(soup.select_one("#frequency_match-error"))
    assert not soup.select("[name=frequency_match][checked]")
    assert client.post("/packages", data=filled(soup)).status_code == 303
    assert only(session).schedules[0].frequency_match == ()


# -- what it would charge


def test_the_preview_lists_twelve_months_and_the_warnings(client):
    data = {**TRUNK, "cost": "26"}
    soup = part(client.post("/packages/preview", data=data, headers=HTMX))
    text = words(soup)
    assert "Nov 2026 22 setup 25.00" in text
    assert "Feb 15 24.50 28 24.50" in text
    assert "Retail is below cost: each charge loses 1.50 GBP." in text
    assert "until 21 January 2027" in text
    page(client.post("/packages/preview", data=data))


def test_the_preview_says_that_the_name_is_taken_by_another_package_on_sale(session, client):
    said = "A package called SIP Trunk 10 is on sale already."
    package = a_package("SIP Trunk 10")
    session.commit()

    def shown(name, query=""):
        data = {**TRUNK, "name": name}
        return words(part(client.post(f"/packages/preview{query}", data=data, headers=HTMX)))

    assert said in shown(" sip  TRUNK 10 ")
    assert said not in shown("SIP Trunk 1") and said not in shown("")
    assert said not in shown("SIP Trunk 10", f"?package={package.id}"), "it is this package's own"
    assert said in shown("SIP Trunk 10", "?package=x")
    assert said not in words(page(client.get(f"/packages/{package.id}/edit")))
    package.archived_on = TODAY
    session.commit()
    assert said not in shown("SIP Trunk 10")


def test_the_preview_has_an_empty_form(client):
    part(client.post("/packages/preview", data={}, headers=HTMX))


def test_a_viewer_may_ask_what_it_would_charge(as_viewer):
    part(as_viewer.post("/packages/preview", data=TRUNK, headers=HTMX))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("^44", "covered by the free minutes"), ("^91", "not covered"), ("^(", "never closed")],
)
def test_a_number_can_be_tried_against_the_pattern(client, pattern, said):
    data = {**TRUNK, "type": "free_minutes", "destination": pattern, "try_number": "+44 20 7946 0123"}
    assert said in words(part(client.post("/packages/preview", data=data, headers=HTMX)))


# -- changing one


def test_saving_shows_whom_it_affects_first_and_then_saves(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer("Acme"), date(2026, 11, 1), quantity=2)
    run()
    url = f"/packages/{package.id}"
    data = {
        **filled(page(client.get(f"{url}/edit"))),
        "retail": "30",
        "frequency": "quarterly",
        "match_of": "quarterly",
    }
    assert data["effective_from"] == ["2026-11-23"]
    seen = page(client.post(url, data=data))
    text = words(seen.select_one("#package-form"))
    assert "This changes what 1 customer pays for 1 assignment" in text
    assert "GBP a month 1 49.00 20.00 −29.00" in text
    assert "Acme customer 2 1 Dec 2026" in text
    assert len(package.prices) == 1
    part(client.post(url, data=data, headers=HTMX))
    assert client.post(url, data=filled(seen)).status_code == 303
    assert package.schedule_on(TOMORROW).frequency == Frequency.QUARTERLY
    assert package.price_on("GBP", TOMORROW).retail == 30


def test_what_is_fixed_is_shown_and_not_asked_for(client, session):
    package = a_package("Trunk")
    assigned(package, a_customer())
    soup = page(client.get(f"/packages/{package.id}/edit"))
    assert soup.select_one("input[type=hidden][name=type]")["value"] == "standard"
    assert not soup.select("select[name=type], input[type=checkbox][name=minimum_spend], [type=radio]")
    assert "none" not in [option["value"] for option in soup.select("[name=frequency] option")]
    assert "Copy the package" in words(soup.select_one("#package-form"))


def test_what_was_fixed_in_the_meantime_is_refused_and_can_be_copied_as_typed(client, session):
    package = a_package("Trunk")
    url = f"/packages/{package.id}"
    data = {**filled(page(client.get(f"{url}/edit"))), "type": "free_minutes", "description": "Mine"}
    assigned(package, a_customer())
    soup = page(client.post(url, data=data), 409)
    assert "so Type is fixed" in words(soup.select_one("[role=alert]"))
    copy = soup.select_one("button[formaction]")["formaction"]
    copied = page(client.post(copy, data=filled(soup)))
    assert words(copied.select_one("h1")) == "Copy package"
    assert copied.select_one("[name=name]")["value"] == "Trunk (copy)"
    assert copied.select_one("[name=description]").text.strip() == "Mine"
    assert client.post("/packages", data=filled(copied)).status_code == 303
    assert session.scalars(select(Package.type).order_by(Package.id)).all() == [
        PackageType.STANDARD,
        PackageType.FREE_MINUTES,
    ]


def test_the_second_of_two_people_is_told_sees_what_is_stored_and_loses_nothing(client, as_billing, session):
    package = a_package("Trunk")
    url = f"/packages/{package.id}"
    mine, theirs = filled(page(client.get(f"{url}/edit"))), filled(page(as_billing.get(f"{url}/edit")))
    assert as_billing.post(url, data={**theirs, "name": "Theirs", "retail": "28"}).status_code == 303
    soup = page(client.post(url, data={**mine, "name": "Mine", "description": "Kept"}), 409)
    assert "Somebody else has saved Theirs" in words(soup.select_one("[role=alert]"))
    assert soup.select_one("[name=name]")["value"] == "Mine"
    assert soup.select_one("[name=description]").text.strip() == "Kept"
    assert "Stored now: Theirs" in words(soup.select_one("#name-help"))
    assert "Stored now: 28" in words(soup.select_one("#retail-0-help"))
    assert client.post(url, data=filled(soup)).status_code == 303
    assert package.name == "Mine"


def test_rearranging_the_form_does_not_hide_that_somebody_else_saved(client, session):
    package = a_package("Trunk")
    url = f"/packages/{package.id}"
    mine = filled(page(client.get(f"{url}/edit")))
    client.post(url, data={**mine, "name": "Theirs"})
    rearranged = filled(page(client.post(url, data={**mine, "show": "1"})))
    page(client.post(url, data=rearranged), 409)


def test_a_change_of_the_past_is_refused_at_its_day(client, session):
    package = a_package("Trunk", match=())
    assigned(package, a_customer())
    run()
    url = f"/packages/{package.id}"
    data = {**filled(page(client.get(f"{url}/edit"))), "retail": "30", "effective_from": "2026-11-22"}
    soup = page(client.post(url, data=data), 422)
    assert "Choose 23 November 2026 or a later day." in error_at(soup, "effective_from")


def test_a_currency_somebody_pays_in_stays(client, session):
    package = a_package("Trunk", currencies=("EUR", "GBP"))
    assigned(package, a_customer())
    url = f"/packages/{package.id}"
    fewer = page(client.post(url, data={**filled(page(client.get(f"{url}/edit"))), "remove_currency": "1"}))
    soup = page(client.post(url, data=filled(fewer)), 422)
    assert "its GBP prices must stay" in words(soup.select_one("#package-form"))


def test_a_copy_is_a_new_package_with_the_terms_of_today(client, session):
    package = a_package("Trunk", minimum_days=30)
    assigned(package, a_customer())
    soup = page(client.get(f"/packages/{package.id}/copy"))
    assert soup.select_one("#package-form")["action"] == "/packages"
    assert client.post("/packages", data=filled(soup)).status_code == 303
    assert session.scalars(select(Package.name).order_by(Package.id)).all() == ["Trunk", "Trunk (copy)"]


def test_a_viewer_defines_nothing(as_viewer, session):
    package = a_package("Trunk")
    assert as_viewer.post("/packages", data=TRUNK).status_code == 403
    assert as_viewer.post(f"/packages/{package.id}", data=TRUNK).status_code == 403
