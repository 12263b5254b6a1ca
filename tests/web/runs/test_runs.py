"""Runs: simulate, post from the simulation, be told what has changed, go on with one that was interrupted."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.models import Charge, Run, RunState
from portal.tasks import processes, queue
from portal.web.runs import pages as web
from tests.pages import page, part, words
from tests.trade import TODAY, a_customer, a_package, assigned

HTMX = {"HX-Request": "true"}
NOVEMBER = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def _on_a_sunday(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


@pytest.fixture
def acme(session):
    """Acme has a trunk that is due since 1 November."""
    customer = a_customer("Acme")
    assigned(a_package("Trunk", "20", match=(1,)), customer, NOVEMBER)
    session.commit()
    return customer


def run_package(client, *, simulate="yes", customer="", through=TODAY):
    """Send the form."""
    return client.post("/runs", data={"customer": customer, "simulate": simulate, "through": str(through)})


def posted(session):
    return session.scalar(select(func.count(Charge.id)))


def newest(session):
    session.expire_all()
    return session.scalars(select(Run).order_by(Run.id.desc())).first()


# -- starting one


def test_the_form_asks_for_customer_simulate_and_date(client, acme):
    soup = page(client.get(f"/runs/new?customer_id={acme.id}&through=2026-12-24"))
    assert [words(label) for label in soup.select("main .field label, main legend")][:2] == [
        "Customer",
        "Simulate",
    ]
    assert soup.select_one("[name=customer]")["value"] == "Acme"
    assert soup.select_one("[name=through]")["value"] == "2026-12-24"
    assert soup.select_one("[name=simulate][checked]")["value"] == "yes"
    assert page(client.get("/runs/new?customer_id=x&through=y")).select_one("[name=through]")["value"] == str(
        TODAY
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("customer", "Nobody"), ("through", ""), ("through", "2026-02-30"), ("simulate", "perhaps")],
)
def test_what_cannot_be_is_told_at_its_field(client, session, acme, field, value):
    data = {"customer": "", "simulate": "yes", "through": str(TODAY), field: value}
    soup = page(client.post("/runs", data=data), 422)
    assert words(soup.select_one(f"#{field}-error"))
    assert soup.select_one(f"[name={field}][aria-invalid=true]")
    assert newest(session) is None


def test_posting_a_day_after_today_is_refused_with_the_way_to_simulate_it(client, session, acme):
    soup = page(run_package(client, simulate="no", through=TODAY + timedelta(days=1)), 409)
    assert "Charges cannot be posted before their day" in words(soup.select_one("[role=alert]"))
    assert soup.select_one('[role=alert] a[href="/runs/new?through=2026-11-23"]')
    assert (newest(session), posted(session)) == (None, 0)


def test_a_day_out_of_bounds_is_refused(client, session, acme):
    page(run_package(client, through="2200-01-01"), 409)
    assert newest(session) is None


# -- the report


def test_a_simulation_is_a_report_that_posts_nothing(client, session, acme):
    answer = run_package(client)
    soup = page(client.get(answer.location))
    main = words(soup.select_one("main"))
    assert "Nothing was posted by this simulation." in main
    assert "20.00 GBP 1 charge for 1 assignment cost 10.00 margin 10.00 tax 4.00" in main
    assert "Every month on the 1st. 20.00 × 1 for 1 to 30 Nov." in main
    assert newest(session).fingerprint[:4] in main
    assert soup.select_one(".head .button--primary").text == "Post 1 charge"
    assert posted(session) == 0


def test_a_simulation_of_a_day_to_come_offers_no_posting_yet(client, session, acme):
    soup = page(client.get(run_package(client, through=date(2026, 12, 1)).location))
    assert "It can be posted from 1 Dec 2026 on." in words(soup.select_one("main"))
    assert not soup.select_one(".head .button--primary")


def test_posting_at_once_is_a_report_too(client, session, acme):
    soup = page(client.get(run_package(client, simulate="no", customer="acme").location))
    assert "Posted 1 charge." in words(soup.select_one("#toasts"))
    assert posted(session) == 1
    charge = session.scalars(select(Charge)).one()
    assert soup.select_one(f'main a[href="/charges/{charge.id}"]')
    again = page(client.get(run_package(client, simulate="no").location))
    assert "Nothing was due." in words(again.select_one("main"))


def test_what_is_held_is_in_the_report_with_the_way_to_choose(client, session, acme):
    old = assigned(a_package("Old", "1", match=(1,)), acme, date(2022, 1, 1))
    session.commit()
    soup = page(client.get(run_package(client, simulate="no").location))
    held = soup.select_one("section[aria-labelledby=held]")
    assert "Old Acme 59 charges since 1 January 2022 wait for a choice" in words(held)
    assert held.select_one(f'a[href="/held/{old.id}"]')


def test_the_list_of_runs_tells_simulations_from_postings(client, acme):
    run_package(client)
    run_package(client, simulate="no")
    soup = page(client.get("/runs"))
    states = [words(cell) for cell in soup.select("td[data-label=State]")]
    assert states == ["posted", "simulated"]
    assert len(page(client.get("/runs?kind=simulations")).select("tbody tr")) == 1
    assert "2 runs" in words(soup.select_one(".pager"))


def test_a_run_that_is_not_there_is_not_found(client):
    page(client.get("/runs/999999"), 404)


# -- posting from a simulation


def post_from(client, simulation, fingerprint=None):
    data = {"fingerprint": simulation.fingerprint if fingerprint is None else fingerprint}
    return client.post(f"/runs/{simulation.id}/postings", data=data)


def test_what_a_simulation_showed_is_posted_from_it(client, session, acme):
    run_package(client)
    simulation = newest(session)
    answer = post_from(client, simulation)
    posting = newest(session)
    assert answer.location == f"/runs/{posting.id}"
    assert (posting.simulation_id, posting.charge_count, posted(session)) == (simulation.id, 1, 1)
    soup = page(client.get(f"/runs/{simulation.id}"))
    assert f"It was posted by run {posting.id} ." in words(soup.select_one(".head"))
    assert not soup.select_one(".head .button--primary")


def test_what_has_changed_is_shown_before_anything_is_posted(client, session, acme):
    run_package(client)
    simulation = newest(session)
    assigned(a_package("Seat", "7.50", match=(1,)), acme, NOVEMBER)
    session.commit()
    soup = page(post_from(client, simulation), 409)
    assert "1 charge has changed since this simulation. Nothing has been posted yet." in words(
        soup.select_one(".note")
    )
    assert "1 Nov 2026 Acme Seat 1–30 Nov 2026 none 7.50 GBP" in words(soup.select_one("tbody"))
    assert posted(session) == 0
    assert soup.select_one(".head form button").text == "Post 2 charges"
    post_from(client, simulation, soup.select_one(".head [name=fingerprint]")["value"])
    assert posted(session) == 2


def test_a_made_up_fingerprint_posts_nothing(client, session, acme):
    run_package(client)
    page(post_from(client, newest(session), "made up"), 409)
    assert posted(session) == 0


def test_a_posting_is_not_posted_again(client, session, acme):
    run_package(client, simulate="no")
    page(post_from(client, newest(session)), 409)
    assert posted(session) == 1


# -- long runs


@pytest.fixture
def handed_on(monkeypatch):
    """The runs that were handed on: to a process of their own, on PostgreSQL to the queue."""
    ids = []
    monkeypatch.setattr(web.runs, "SMALL", 0)
    monkeypatch.setattr(processes, "start", lambda name, run_id: ids.append(run_id))
    return lambda: ids or [job.arguments["run_id"] for job in queue.waiting("charge")]


def test_a_long_run_goes_on_by_itself_and_shows_how_far_it_is(client, session, acme, handed_on):
    answer = run_package(client)
    run = newest(session)
    assert handed_on() == [run.id]
    soup = page(client.get(answer.location))
    assert soup.select_one("progress")["max"] == "1"
    assert soup.select_one('noscript meta[http-equiv="refresh"]')
    asked = soup.select_one("main [hx-get]")["hx-get"]
    said = words(part(client.get(asked, headers=HTMX)))
    waits = "Waiting for a worker: none is running" if queue.is_there() else "0 of 1 assignment, 0 charges"
    assert waits in said
    run.done_count, run.state = 1, RunState.DONE
    session.commit()
    assert client.get(asked, headers=HTMX).headers["HX-Redirect"] == f"/runs/{run.id}"


def test_a_run_that_nobody_has_begun_waits_however_long_and_is_not_called_interrupted(
    client, session, acme, handed_on
):
    run_package(client)
    run = newest(session)
    run.started_at = run.heartbeat_at = clock.now() - timedelta(hours=3)
    session.commit()
    said = words(page(client.get(f"/runs/{run.id}")).main)
    if queue.is_there():
        assert "none is running" in said and "with the next portal charge" in said
        page(client.post(f"/runs/{run.id}/resumption"), 409)
    else:
        assert "This run was interrupted" in said


def test_a_run_is_stopped_and_continued_on_its_page(client, session, acme, handed_on):
    run_package(client)
    run = newest(session)
    stop = page(client.get(f"/runs/{run.id}")).select_one("form[action$='/stop']")["action"]
    assert client.post(stop).location == f"/runs/{run.id}"
    soup = page(client.get(f"/runs/{run.id}"))
    assert "This run was stopped after 0 of 1 assignment" in words(soup.main)
    page(client.post(stop), 409)
    client.post(soup.select_one("form[action$='/resumption']")["action"])
    session.expire_all()
    assert newest(session).state == RunState.RUNNING
    assert set(handed_on()) == {run.id}


def test_a_long_posting_from_a_simulation_makes_sure_by_itself(client, session, acme, handed_on):
    run_package(client)
    simulation = newest(session)
    simulation.state, simulation.fingerprint = RunState.DONE, "f" * 64
    session.commit()
    post_from(client, simulation)
    posting = newest(session)
    assert (posting.simulation_id, posting.fingerprint, handed_on()[-1]) == (
        simulation.id,
        "f" * 64,
        posting.id,
    )


def test_a_run_whose_simulation_is_out_of_date_shows_what_has_changed(client, session, acme):
    run_package(client)
    simulation = newest(session)
    assigned(a_package("Seat", "7.50", match=(1,)), acme, NOVEMBER)
    session.commit()
    run = web.runs.start(
        TODAY, simulate=False, today=TODAY, by="x", now=clock.now(), simulation_id=simulation.id,
        seen=simulation.fingerprint,
    )  # fmt: skip
    session.commit()
    web.runs.carry_out(run.id, TODAY, clock.now)
    soup = page(client.get(f"/runs/{run.id}"))
    assert "Nothing was posted. 1 charge has changed since simulation" in words(soup.select_one(".note"))
    assert "7.50 GBP is new" in words(soup.select_one("section[aria-labelledby=changed]"))
    form = soup.select_one(".note form")
    client.post(form["action"], data={"fingerprint": form.select_one("[name=fingerprint]")["value"]})
    assert posted(session) == 2


def test_an_interrupted_run_says_so_and_is_continued_once(client, session, acme):
    run = web.runs.start(TODAY, simulate=False, today=TODAY, by="x", now=clock.now() - timedelta(minutes=5))
    session.commit()
    soup = page(client.get(f"/runs/{run.id}"))
    assert "This run was interrupted" in words(soup.select_one("[role=alert]"))
    address = soup.select_one("[role=alert] form")["action"]
    assert client.post(address).location == f"/runs/{run.id}"
    assert (newest(session).state, posted(session)) == (RunState.DONE, 1)
    page(client.post(address), 409)


def test_a_viewer_may_look_and_not_run(as_viewer, session, acme):
    page(run_package(as_viewer), 403)
    assert newest(session) is None


def test_an_interrupted_run_whose_rest_a_later_run_posted_says_so(client, session, acme):
    stopped = web.runs.start(
        TODAY, simulate=False, today=TODAY, by="x", now=clock.now() - timedelta(minutes=5)
    )
    session.commit()
    for customer_id, through in (None, TODAY - timedelta(1)), (a_customer("Globex").id, TODAY):
        other = web.runs.start(
            through, simulate=False, today=TODAY, by="x", now=clock.now(), customer_id=customer_id
        )  # fmt: skip
        session.commit()
        web.runs.carry_out(other.id, TODAY, clock.now)
        assert page(client.get(f"/runs/{stopped.id}")).select_one("[role=alert] form"), (
            "neither posted all of it"
        )
    later = web.runs.start(TODAY, simulate=False, today=TODAY, by="x", now=clock.now())
    session.commit()
    web.runs.carry_out(later.id, TODAY, clock.now)
    soup = page(client.get(f"/runs/{stopped.id}"))
    assert f"run {later.id} , up to 22 Nov 2026, has posted the rest" in words(soup.select_one(".note"))
    assert not soup.select_one("[role=alert]")


# -- long after the last one


@pytest.fixture
def long_ago(client, acme, app, monkeypatch):
    """The last run for everyone was up to 22 November; today is the 1st of March."""
    run_package(client, simulate="no")
    monkeypatch.setitem(app.config, "TODAY", "2027-03-01")
    return date(2027, 3, 1)


def test_a_run_long_after_the_last_one_is_asked_about_first(client, session, long_ago):
    before = posted(session)
    soup = page(run_package(client, simulate="no", through=long_ago), 409)
    assert "99 days before 1 March 2027" in words(soup.select_one("main"))
    assert posted(session) == before
    button = soup.select_one("button[name=catch_up]")
    assert words(button) == "Post everything since"
    asked = {"customer": "", "simulate": "no", "through": str(long_ago), "catch_up": button["value"]}
    assert client.post("/runs", data=asked).status_code == 303
    assert posted(session) == before + 4


def test_so_is_posting_what_a_simulation_showed(client, session, long_ago):
    run_package(client, through=long_ago)
    simulation, before = newest(session), posted(session)
    address, seen = f"/runs/{simulation.id}/postings", {"fingerprint": simulation.fingerprint}
    soup = page(client.post(address, data=seen), 409)
    assert posted(session) == before
    form = soup.select_one("form.actions")
    assert form["action"] == address
    assert form.select_one("input[name=fingerprint]")["value"] == simulation.fingerprint
    assert client.post(address, data={**seen, "catch_up": "yes"}).status_code == 303
    assert posted(session) == before + 4


def test_one_customer_is_charged_without_being_asked(client, session, acme, long_ago):
    before = posted(session)
    assert run_package(client, simulate="no", customer="Acme", through=long_ago).status_code == 303
    assert posted(session) == before + 4
