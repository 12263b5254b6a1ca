"""The calls that a customer's minimum or free minutes counted, as the customer sees and downloads them."""

from datetime import date

import pytest

from portal.clock import zone
from portal.models.user import CUSTOMER_USER
from portal.services.calls import counted
from portal.services.exports import calls
from portal.services.exports.files import as_csv
from tests.calling import a_file, a_line, noon, taken_in
from tests.pages import page, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned, run
from tests.web.my.test_my import browser_of


@pytest.fixture(autouse=True)
def its_today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session, tmp_path):
    customer = a_customer("Acme")
    did = a_did(customer)
    minimum = assigned(a_package("Commitment", "50", minimum_spend=True), customer, date(2026, 10, 1))
    package = a_package("Minutes", "5", minutes=True)
    package.destination = "^33"
    free = assigned(package, customer, date(2026, 10, 1), minutes=2)
    session.commit()
    taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", noon(date(2026, 10, 5)), 60, "3.25", customer="Acme", did=did.number, cost="1.11"),
                a_line("inner-id", noon(date(2026, 11, 5)), 60, "1.5", customer="Acme", cost="1.11"),
                a_line("c", noon(date(2026, 11, 6)), 180, "0.9", customer="Acme", destination="33199009999"),
            ],
        )
    )  # fmt: skip
    run(TODAY)
    session.commit()
    return customer, minimum, free


@pytest.fixture
def as_acme(app, session, acme):
    return browser_of(app, session, acme[0], CUSTOMER_USER)


def link(soup, part: str) -> str:
    return next(a["href"] for a in soup.select("a") if words(a) == "Calls counted" and part in a["href"])


def test_from_the_charge_one_comes_to_its_calls_and_they_add_up_to_what_it_says(as_acme):
    soup = page(as_acme.get("/my/charges"))
    assert "spent 3.25 from 1 to 31 Oct" in words(soup.main)
    shown = page(as_acme.get(link(soup, "from=2026-10-01&to=2026-10-31")))
    text = words(shown.main)
    assert "This is what the charge of 1 Nov 2026 counted: 3.25 GBP spent." in text
    assert [words(row).split()[-1] for row in shown.select("tbody tr")] == ["3.2500"]
    assert "+44 20 7946 0123" in text


def test_from_home_one_comes_to_the_calls_of_the_running_minimum_and_of_free_minutes(as_acme):
    home = page(as_acme.get("/my"))
    minimum = page(as_acme.get(link(home, "to=2026-11-22")))
    # 2 of 3 minutes of the last call were free: 0.60 of 0.90.
    assert [words(row).split()[-1] for row in minimum.select("tbody tr")] == ["0.3000", "1.5000"]
    assert "1.80 GBP" in words(minimum.select_one(".facts"))
    free = page(as_acme.get(link(home, "to=2026-11-30")))
    assert [words(row).split()[-2:] for row in free.select("tbody tr")] == [["2:00", "0.6000"]]
    assert "Minutes used 2" in words(free.select_one(".facts"))


def test_the_file_has_what_the_page_has_and_nothing_of_the_inside(as_acme):
    home = page(as_acme.get("/my"))
    for part, lines in (
        ("to=2026-11-22", ["33199009999,180,0.9,0.3,GBP", "442079460999,60,1.5,1.5,GBP"]),
        ("to=2026-11-30", ["33199009999,180,120,0.6,GBP"]),
    ):
        shown = page(as_acme.get(link(home, part)))
        answer = as_acme.get(next(a["href"] for a in shown.select("a") if "calls.csv" in a["href"]))
        assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
        assert [row.split(",", 2)[2] for row in answer.text.splitlines()[1:]] == lines
        for text in (words(shown.main), answer.text):
            assert "1.11" not in text and "inner-id" not in text and "cost" not in text.lower()


def test_the_file_is_written_to_its_end_though_the_session_that_read_the_assignment_is_closed(session, acme):
    customer_id, key = acme[0].id, counted.key_of(acme[1])
    session.expunge_all()
    assignment = counted.assignment_of(customer_id, key)
    file = calls.counted(counted.Counting(assignment, date(2026, 11, 1), date(2026, 11, 30)))
    session.expunge_all()  # as between the view and the answer that is streamed
    lines = "".join(as_csv(file, zone())).splitlines()
    assert [line.split(",")[4] for line in lines] == ["charge", "0.9", "1.5"]


def test_what_is_not_theirs_or_counts_no_calls_is_not_there(app, session, as_acme, acme):
    globex = a_customer("Globex")
    line = assigned(a_package("Line"), acme[0])
    theirs = assigned(a_package("Other", "50", minimum_spend=True), globex, date(2026, 10, 1))
    session.commit()
    for key in (counted.key_of(theirs), counted.key_of(line), "x", "1", str(acme[1].id)):
        assert as_acme.get(f"/my/calls/{key}").status_code == 404
        assert as_acme.get(f"/my/calls/{key}/calls.csv").status_code == 404
    assert as_acme.get("/calls/found").status_code == 404
    assert as_acme.get("/calls/found.csv").status_code == 404
    other = browser_of(app, session, globex)
    assert other.get(f"/my/calls/{counted.key_of(acme[1])}").status_code == 404


def test_days_that_cannot_be_are_said(as_acme, acme):
    url = f"/my/calls/{counted.key_of(acme[1])}"
    assert "To is before From." in words(page(as_acme.get(f"{url}?from=2026-11-02&to=2026-11-01"), 422).main)
    assert as_acme.get(f"{url}/calls.csv?from=x").status_code == 422


def test_staff_see_it_as_the_customer_does(client, acme):
    soup = page(client.get(f"/customers/{acme[0].id}/as-customer"))
    shown = page(client.get(link(soup, "to=2026-11-22")))
    assert "As Acme sees it." in words(shown.main) and "1.80 GBP" in words(shown.main)
    assert (
        client.get(next(a["href"] for a in shown.select("a") if "calls.csv" in a["href"])).status_code == 200
    )
