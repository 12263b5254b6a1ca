"""Assignments: assigning from a page or a dialog, changing and ending one, with and without script."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from portal.domain.schedule import Frequency
from portal.domain.terms import Proration
from portal.models import Assignment
from tests.pages import error_at, page, part, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def northwind(session):
    return a_customer()


@pytest.fixture
def trunk(session):
    return a_package(retail="30", setup_retail="5")


def asked(which, **fields):
    return {
        "package": which.id,
        "quantity": 1,
        "start_date": TODAY.isoformat(),
        "token": "form-1",
        **fields,
    }


def count(session):
    return session.scalar(select(func.count(Assignment.id)))


def notes(soup):
    return " ".join(words(note) for note in soup.select(".note"))


# -- the section


def test_a_customer_without_packages_is_offered_the_first_step(client, northwind):
    soup = page(client.get(f"/customers/{northwind.id}/assignments"))
    assert "Nothing is assigned yet." in words(soup.select_one("#assignments"))
    assert soup.select_one(f'#assignments a[href="/customers/{northwind.id}/assignments/new"]')


def test_a_row_says_what_is_charged_next_and_where_the_assignment_stands(client, northwind, trunk):
    did = a_did(northwind)
    locked = a_package("Hosted Seat", "7.50", minimum_days=60)
    assigned(locked, northwind, date(2026, 11, 1), quantity=12)
    assigned(trunk, northwind, date(2026, 12, 10), did=did)
    assigned(a_package("Fax", "3"), northwind, date(2026, 9, 1), end_date=date(2026, 9, 30))
    run()
    soup = page(client.get(f"/customers/{northwind.id}/assignments"))
    rows = [words(row) for row in soup.select("#assignments tbody tr")]
    assert "2 assigned, 1 ended" in words(soup.select_one("#assignments header"))
    assert "on +44 20 7946 0123 starts 10 Dec 2026 monthly, 1st 30.00 10 Dec 2026 5.00" in rows[0]
    assert "Hosted Seat × 12 locked to 31 Dec 2026 monthly, 1st 7.50 1 Dec 2026 90.00" in rows[1]
    assert "ended 30 Sep 2026" in rows[2]
    assert soup.select_one("tr.ended") == soup.select("#assignments tbody tr")[2], "ended ones last"


def test_what_is_overdue_and_what_is_held_stands_out(client, northwind, trunk):
    assigned(trunk, northwind, date(2026, 9, 1))
    soup = page(client.get(f"/customers/{northwind.id}/assignments"))
    assert "due since 1 Sep 2026 4 charges, 95.00" in words(soup.select_one("#assignments tbody"))
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
    held = assigned(daily, northwind, TODAY - timedelta(50))
    run()
    soup = page(client.get(f"/customers/{northwind.id}/assignments"))
    assert "held 51 charges since 3 Oct 2026" in words(soup.select_one(f"#assignment-{held.id}"))


def test_very_many_are_read_a_page_at_a_time(client, northwind, trunk):
    made = [assigned(trunk, northwind) for _ in range(51)]
    soup = page(client.get(f"/customers/{northwind.id}/assignments"))
    assert soup.select_one("#assignments tbody tr")["id"] == f"assignment-{made[-1].id}"
    after = soup.select_one("#assignments a[rel=next]")
    last = part(client.get(after["hx-get"], headers=HTMX))
    assert [row["id"] for row in last.select("tbody tr")] == [f"assignment-{made[0].id}"]


def test_a_viewer_sees_all_and_can_change_nothing(as_viewer, northwind, trunk):
    assignment = assigned(trunk, northwind)
    soup = page(as_viewer.get(f"/customers/{northwind.id}/assignments"))
    assert not soup.select("#assignments .row-actions a, #assignments input")
    assert page(as_viewer.get(f"/assignments/{assignment.id}"))
    for url in (f"/customers/{northwind.id}/assignments/new", f"/assignments/{assignment.id}/edit"):
        assert as_viewer.get(url).status_code == 403
    assert as_viewer.post(f"/customers/{northwind.id}/assignments", data=asked(trunk)).status_code == 403
    assert as_viewer.post(f"/assignments/{assignment.id}/delete").status_code == 403


# -- assigning


def test_the_form_has_every_field_under_its_label(client, northwind, trunk):
    soup = page(client.get(f"/customers/{northwind.id}/assignments/new"))
    labels = [words(label) for label in soup.select("main label")]
    assert labels == [
        "Package", "Quantity", "Minutes", "Minimum Days", "Start Date", "End Date", "Auto Decrement Credit",
        "Cost", "Retail", "Setup Cost", "Setup Retail",
    ]  # fmt: skip
    assert soup.select_one("[name=start_date]")["value"] == "2026-11-22"


def test_minutes_and_minimum_days_are_offered_only_where_they_apply(client, northwind, trunk):
    own, minutes = a_package("Own days", minimum_days=30), a_package("Minutes", minutes=True)
    soup = page(client.get(f"/customers/{northwind.id}/assignments/new"))
    marks = {int(option["value"]): option.attrs for option in soup.select("option[value]:not([value=''])")}
    assert "data-minutes" in marks[minutes.id] and "data-minutes" not in marks[trunk.id]
    assert "data-own-days" in marks[trunk.id] and "data-own-days" not in marks[own.id]


def test_what_will_be_charged_is_shown_before_it_is_assigned(client, northwind, trunk):
    url = f"/customers/{northwind.id}/assignments/draft"
    query = {"package": trunk.id, "quantity": 2, "start_date": "2026-11-22", "minimum_days": 60}
    soup = part(client.get(url, query_string=query, headers=HTMX))
    said = words(soup)
    assert "Retail 30.00 GBP a unit" in said and "Setup Retail 5.00 GBP a unit, once" in said
    assert "22 Nov 2026 Setup why Setup, once, on the start date: 5.00 × 2. 10.00" in said
    assert "1 Dec 2026 1–31 Dec 2026" in said
    assert "730.00 GBP in the twelve months from today, 13 charges tax 146.00" in said
    assert "Locked until 21 Jan 2027: its last day can be 20 Jan 2027 or later." in said


def test_without_script_the_same_is_shown_on_the_page(client, northwind, trunk):
    query = {"package": trunk.id, "quantity": 2, "start_date": "2026-11-22"}
    for view in ("new", "draft"):
        soup = page(client.get(f"/customers/{northwind.id}/assignments/{view}", query_string=query))
        assert "730.00 GBP in the twelve months from today" in words(soup.select_one("#draft"))
        assert soup.select_one("[name=quantity]")["value"] == "2"


def test_an_old_start_date_says_how_much_is_due_and_offers_to_charge_from_a_day_on(client, northwind, trunk):
    url = f"/customers/{northwind.id}/assignments/draft"
    query = {"package": trunk.id, "quantity": 1, "start_date": "2026-01-01"}
    soup = part(client.get(url, query_string=query, headers=HTMX))
    assert "12 charges, 335.00 GBP and 67.00 tax" in notes(soup)
    buttons = {button["value"]: words(button) for button in soup.select("[name=charge_from_day]")}
    assert buttons == {
        "2026-11-22": "Charge from today",
        "2026-12-01": "Charge from 1 Dec 2026, the next charge date",
    }
    soup = part(client.get(url, query_string={**query, "charge_from_day": "2026-12-01"}, headers=HTMX))
    assert soup.select_one("[name=charge_from]")["value"] == "2026-12-01"
    assert "Nothing dated before 1 Dec 2026 will ever be charged" in words(soup)


def test_more_than_forty_old_charges_are_said_to_be_held(client, northwind):
    daily = a_package("Recording", "2", frequency=Frequency.DAILY, match=())
    query = {"package": daily.id, "quantity": 1, "start_date": "2026-01-01"}
    url = f"/customers/{northwind.id}/assignments/draft"
    assert "they will be held until somebody chooses" in notes(
        part(client.get(url, query_string=query, headers=HTMX))
    )


def test_assigning_answers_the_section_and_tells_the_page(client, session, northwind, trunk):
    response = client.post(
        f"/customers/{northwind.id}/assignments", data=asked(trunk, quantity=3), headers=HTMX
    )
    soup = part(response)
    assert "SIP Trunk 10 × 3" in words(soup.select_one("#assignments tbody"))
    assert "Assigned SIP Trunk 10 to Northwind Telecom." in words(soup.select_one("#toasts"))
    assert response.headers["HX-Trigger"] == "assignments-changed"


def test_without_script_assigning_leads_back_to_the_page(client, session, northwind, trunk):
    did = a_did(northwind)
    response = client.post(f"/dids/{did.id}/assignments", data=asked(trunk))
    assert (response.status_code, response.location) == (303, f"/dids/{did.id}")
    made = session.scalars(select(Assignment)).one()
    assert (made.did_id, made.customer_id, made.created_by) == (did.id, northwind.id, "owner@lumen.example")


def test_a_double_click_assigns_once(client, session, northwind, trunk):
    for _ in range(2):
        assert client.post(f"/customers/{northwind.id}/assignments", data=asked(trunk)).status_code == 303
    assert count(session) == 1


def test_the_same_package_over_the_same_days_asks_first_and_loses_nothing_typed(
    client, session, northwind, trunk
):
    assigned(trunk, northwind)
    url, typed = f"/customers/{northwind.id}/assignments", asked(trunk, quantity=7, end_date="2027-03-31")
    for headers, read in ((None, page), (HTMX, part)):
        soup = read(client.post(url, data=typed, headers=headers), 409)
        assert (
            "is already assigned to Northwind Telecom, since 22 November 2026. Assign it a second time?"
            in notes(soup)
        )
        assert soup.select_one("[name=quantity]")["value"] == "7"
        assert soup.select_one("[name=end_date]")["value"] == "2027-03-31"
        assert words(soup.select_one("button[name=twice]")) == "Assign a second time"
    assert count(session) == 1
    assert client.post(url, data={**typed, "twice": "1"}).status_code == 303
    assert count(session) == 2


@pytest.mark.parametrize(
    ("fields", "name", "sentence"),
    [
        ({"package": ""}, "package", "Choose the package to assign."),
        ({"package": "999999"}, "package", "Choose a Package from the list."),
        ({"quantity": ""}, "quantity", None),
        ({"quantity": "0"}, "quantity", "Quantity must be 1 to 100,000."),
        ({"quantity": "many"}, "quantity", "Enter Quantity as a whole number, such as 30."),
        ({"start_date": ""}, "start_date", "Choose the first day of service."),
        ({"start_date": "2026-02-30"}, "start_date", "Enter a date, such as 2026-11-30."),
        ({"start_date": "1999-01-01"}, "start_date", "Dates must be between 2000 and 2199."),
        (
            {"end_date": "2026-11-21"},
            "end_date",
            "The end date is before the start date, 22 November 2026.",
        ),
        ({"minimum_days": "3651"}, "minimum_days", "Minimum Days must be 0 to 3,650."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(client, session, northwind, trunk, fields, name, sentence):
    response = client.post(f"/customers/{northwind.id}/assignments", data=asked(trunk, **fields))
    if sentence is None:
        assert response.status_code == 303, "one unit unless said otherwise"
        return
    assert error_at(page(response, 422), name).startswith(sentence)
    assert count(session) == 0


def test_a_package_without_the_customers_currency_leads_to_its_price_list(client, session, northwind):
    other = a_package(currencies=("USD",))
    soup = page(client.post(f"/customers/{northwind.id}/assignments", data=asked(other)), 409)
    assert "has no prices in GBP, the currency of Northwind Telecom" in notes(soup)
    assert soup.select_one(".note a")["href"].startswith(f"/packages/{other.id}/")
    assert count(session) == 0


def test_a_did_in_stock_needs_a_customer_first(client, session, trunk):
    did = a_did(None)
    soup = page(client.get(f"/dids/{did.id}/assignments/new"), 409)
    assert "is in stock. Give it to a customer" in words(soup.select_one("main"))


def test_what_is_nobodys_is_not_found(client, session):
    for url in (
        "/customers/999/assignments/new",
        "/dids/999/assignments/new",
        "/assignments/999",
        "/held/999",
    ):
        assert client.get(url).status_code == 404


# -- changing


def saved(assignment, **fields):
    given = {
        "version": assignment.version,
        "quantity": assignment.quantity_on(TODAY),
        "start_date": assignment.start_date.isoformat(),
        "end_date": assignment.end_date or "",
    }
    return {**given, **fields}


def test_a_row_opens_is_saved_and_closes_again(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind)
    url = f"/assignments/{assignment.id}/row"
    row = part(client.get(f"{url}/edit", headers=HTMX))
    assert row.select_one("tr.editing [name=quantity]")["value"] == "1"
    assert part(client.get(url, headers=HTMX)).select_one("tr:not(.editing)")
    answer = part(client.post(url, data=saved(assignment, quantity=4, end_date="2027-03-31"), headers=HTMX))
    assert "SIP Trunk 10 × 4 last day 31 Mar 2027" in words(answer.select_one("tr"))
    session.refresh(assignment)
    assert (assignment.quantity_on(TODAY), assignment.end_date) == (4, date(2027, 3, 31))


def test_without_script_it_is_edited_on_a_page_of_its_own(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind)
    soup = page(client.get(f"/assignments/{assignment.id}/row/edit", follow_redirects=True))
    form = soup.select_one("main form")
    response = client.post(form["action"], data=saved(assignment, auto_decrement_credit="y"))
    assert (response.status_code, response.location) == (303, f"/assignments/{assignment.id}")
    session.refresh(assignment)
    assert assignment.auto_decrement_credit


def test_whoever_saves_second_sees_what_is_stored_and_loses_nothing_typed(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind)
    typed = saved(assignment, quantity=9)
    client.post(f"/assignments/{assignment.id}", data=saved(assignment, quantity=4))
    soup = part(client.post(f"/assignments/{assignment.id}/row", data=typed, headers=HTMX), 409)
    assert "Somebody else has saved this since you opened it." in notes(soup) and "Quantity: 4" in notes(soup)
    assert soup.select_one("[name=quantity]")["value"] == "9"
    assert soup.select_one("[name=version]")["value"] != str(typed["version"]), "the next try counts"


def test_errors_are_shown_at_their_fields_in_the_row(client, session, northwind):
    assignment = assigned(a_package(minimum_days=60), northwind, date(2026, 11, 1))
    run()
    url = f"/assignments/{assignment.id}/row"
    data = saved(assignment, end_date="2026-12-01", effective_from="2026-11-23")
    soup = part(client.post(url, data=data, headers=HTMX), 422)
    assert error_at(soup, "end_date").startswith("Not before 30 December 2026: it is locked")
    data = saved(assignment, quantity="no", effective_from="2026-11-23")
    assert "whole number" in error_at(part(client.post(url, data=data, headers=HTMX), 422), "quantity")


def test_more_units_say_what_waiting_gives_away_before_they_are_saved(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind, date(2026, 11, 1))
    run()
    data = saved(assignment, quantity=3, effective_from="2026-11-23")
    url = f"/assignments/{assignment.id}"
    live = part(client.get(f"{url}/waiting", query_string=data, headers=HTMX))
    asked_first = part(client.post(f"{url}/row", data=data, headers=HTMX), 409)
    for soup in (live, asked_first):
        assert (
            "The 2 units added are charged from 1 Dec 2026 on. Until then 16.00 GBP are given away"
            in notes(soup)
        )
        assert "Setup, 10.00 GBP, is not charged for them." in notes(soup)
        beside = soup.select_one(".note a")
        assert words(beside) == "Assign 2 units on their own instead"
    form = page(client.get(beside["href"]))
    assert form.select_one("[name=quantity]")["value"] == "2"
    assert form.select_one("[name=start_date]")["value"] == "2026-11-23"
    seen = asked_first.select_one("[name=seen]")["value"]
    assert client.post(url, data={**data, "seen": seen}).status_code == 303
    session.refresh(assignment)
    assert assignment.quantity_on(date(2026, 11, 23)) == 3


def test_what_has_ended_is_no_longer_changed(client, northwind, trunk):
    assignment = assigned(trunk, northwind, date(2026, 9, 1), end_date=date(2026, 9, 30))
    soup = page(client.get(f"/assignments/{assignment.id}/edit"), 409)
    assert "ended on 30 Sep 2026 and can no longer be changed" in words(soup.select_one("main"))
    assert words(soup.select_one("main a.button")) == "Assign it again"


# -- ending and removing


def test_a_locked_assignment_says_why_not_and_the_way_out_ends_it(client, session, northwind):
    assignment = assigned(a_package(retail="30", minimum_days=60), northwind, date(2026, 11, 1))
    run()
    for headers, read in ((None, page), (HTMX, part)):
        soup = read(client.get(f"/assignments/{assignment.id}/end", headers=headers))
        said = notes(soup)
        assert "Locked until 31 December 2026 (60 days from 1 November 2026)." in said
        assert "Until then 1 charge, 30.00 GBP in all and 6.00 tax, falls due." in said
    form = soup.select_one("#end-assignment")
    first = form.select_one("[name=last_day][checked]")
    assert words(first.parent) == "30 Dec 2026, the first possible day"
    assert words(form.select_one("#end-it .with-script")) == "End on 30 Dec 2026"
    data = {"version": assignment.version, "last_day": first["value"], "end_date": ""}
    assert client.post(form["action"], data=data).status_code == 303
    session.refresh(assignment)
    assert assignment.end_date == date(2026, 12, 30)


def test_deleting_it_anyway_is_refused_with_the_same_sentence(as_billing, session, northwind):
    assignment = assigned(a_package(minimum_days=60), northwind, date(2026, 11, 1))
    run()
    data = {"version": assignment.version, "reason": "they asked"}
    soup = page(as_billing.post(f"/assignments/{assignment.id}/delete", data=data), 409)
    assert "Locked until 31 December 2026" in notes(soup)
    assert not soup.select("[name=reason]"), "only an owner overrides a lock"
    session.refresh(assignment)
    assert assignment.end_date is None


def test_the_owner_overrides_a_lock_with_a_reason_that_stands_out(client, session, northwind):
    assignment = assigned(a_package(minimum_days=60), northwind, date(2026, 11, 1))
    run()
    url, today = f"/assignments/{assignment.id}/end", TODAY.isoformat()
    data = {"version": assignment.version, "last_day": today}
    assert "Enter why" in error_at(page(client.post(url, data={**data, "reason": " "}), 422), "reason")
    assert client.post(url, data={**data, "reason": "Never delivered"}).status_code == 303
    soup = page(client.get(f"/assignments/{assignment.id}"))
    assert "Its lock was overridden by owner@lumen.example" in notes(soup) and "Never delivered" in notes(
        soup
    )
    session.refresh(assignment)
    assert assignment.end_date == TODAY


def test_ending_one_shows_what_goes_back_first(client, session, northwind):
    from portal.domain.terms import Proration

    assignment = assigned(a_package(retail="30", proration=Proration.DAILY), northwind, date(2026, 11, 1))
    run()
    soup = part(client.get(f"/assignments/{assignment.id}/end", headers=HTMX))
    assert "23 Nov 2026 Credit" in words(soup) and "−8.00" in words(soup)
    data = {"version": assignment.version}
    answer = part(client.post(f"/assignments/{assignment.id}/delete", data=data, headers=HTMX))
    assert "last day 22 Nov 2026" in words(answer.select_one("#assignments"))


def test_one_that_has_not_started_is_removed(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind, date(2026, 12, 1))
    soup = page(client.get(f"/assignments/{assignment.id}/end"))
    assert "It has not started yet. It will be removed" in words(soup.select_one("main"))
    data = {"version": assignment.version}
    response = client.post(f"/assignments/{assignment.id}/delete", data=data, headers=HTMX)
    assert "Removed SIP Trunk 10." in words(part(response)) and count(session) == 0


def test_an_end_date_that_cannot_be_is_said_at_its_field(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind, date(2026, 11, 1))
    url = f"/assignments/{assignment.id}/end"
    for end_date, sentence in (("", "Choose its last day."), ("2026-10-31", "is before the start date")):
        data = {"version": assignment.version, "end_date": end_date}
        assert sentence in error_at(page(client.post(url, data=data), 422), "end_date")


def test_a_stale_end_changes_nothing(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind, date(2026, 11, 1))
    for view in ("end", "delete"):
        data = {"version": 99, "end_date": "2026-12-31"}
        soup = page(client.post(f"/assignments/{assignment.id}/{view}", data=data), 409)
        assert "Somebody else has saved this since you opened it." in notes(soup)
    session.refresh(assignment)
    assert assignment.end_date is None


# -- one assignment's page


def test_the_page_of_an_assignment_tells_its_whole_story(client, session, northwind):
    assignment = assigned(a_package(retail="30", minimum_days=60), northwind, date(2026, 11, 1), quantity=2)
    run()
    client.post(
        f"/assignments/{assignment.id}",
        data=saved(assignment, quantity=3, effective_from="2026-12-01", end_date="2027-06-30"),
    )
    soup = page(client.get(f"/assignments/{assignment.id}"))
    facts = words(soup.select_one(".facts"))
    assert "Charged until 1 Dec 2026" in facts and "Locked until 31 Dec 2026" in facts
    assert "Next charge 1 Dec 2026 90.00 GBP" in facts
    assert "1 Nov 2026 Recurring, 1–30 Nov 2026 × 2 why Every month on the 1st." in words(
        soup.select_one("#posted").find_parent("section")
    )
    assert "Quantity, planned 3 from 1 Dec 2026" in words(soup.select_one("#terms").find_parent("section"))
    history = words(soup.select_one("#history").find_parent("section"))
    assert "Assigned by billing@lumen.example" in history
    assert "3 units from 1 Dec 2026." in history
    assert "22 Nov 2026: the end date became 30 Jun 2027." in history


def test_amounts_of_a_page_are_those_of_the_engine(client, session, northwind, trunk):
    assignment = assigned(trunk, northwind, date(2026, 11, 1))
    soup = page(client.get(f"/assignments/{assignment.id}"))
    total = soup.select_one("#upcoming").find_parent("section").select_one("tfoot .total .num")
    assert Decimal(words(total).replace(",", "")) == Decimal(5 + 13 * 30)


def test_what_ending_comes_to_is_told_for_the_day_that_is_chosen(session, client):
    seat = assigned(a_package("Seat", "31", proration=Proration.DAILY), a_customer(), date(2026, 11, 1))
    run()
    session.commit()
    told = {}
    for day in ("2026-11-25", "2026-12-10"):
        soup = page(client.get(f"/assignments/{seat.id}/end", query_string={"end_date": day}))
        told[day] = words(soup.select_one("#ending"))
        assert soup.select_one("[name=end_date]")["value"] == day
    assert "25 Nov 2026 as its last day" in told["2026-11-25"] and "−5.17" in told["2026-11-25"]
    assert "10.00" in told["2026-12-10"] and "−" not in told["2026-12-10"]


def test_a_last_day_that_cannot_be_is_told_where_its_money_would_stand(session, client):
    seat = assigned(a_package("Seat", minimum_days=90), a_customer(), date(2026, 11, 1))
    session.commit()
    for day in ("2026-11-25", "1999-01-01", "2026-13-01", "9999-12-31"):
        soup = page(client.get(f"/assignments/{seat.id}/end", query_string={"end_date": day}))
        assert "29 Jan 2027" in words(soup.main) or "last day" in words(soup.select_one("#ending"))


def test_many_that_end_on_one_day_are_told_what_each_comes_to_and_all_of_them(session, client):
    customer = a_customer()
    seat = assigned(a_package("Seat", "31", proration=Proration.DAILY), customer, date(2026, 11, 1))
    fax = assigned(a_package("Fax", "30", proration=Proration.DAILY), customer, date(2026, 11, 1), quantity=2)
    run()
    session.commit()
    form = {"ids": f"{seat.id},{fax.id}", "end_date": "2026-11-25", "show": "1"}
    soup = page(client.post("/assignments/end", data=form))
    rows = [words(row) for row in soup.select("#ending tbody tr")]
    assert ["nothing −5.17 GBP" in rows[0], "nothing −10.00 GBP" in rows[1]] == [True, True]
    assert "In all, GBP 0.00 −15.17" in words(soup.select_one("#ending tfoot"))
    assert seat.end_date is None and fax.end_date is None
