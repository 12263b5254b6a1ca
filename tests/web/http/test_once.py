"""Forms that carry a token: each counts once, and the token of one is worth nothing to another."""

import re

import pytest

from tests import bad_input, bad_input_world, world
from tests.bad_input import form_on
from tests.bad_input_routes import ROWS
from tests.pages import page, read, words
from tests.web.http.test_bad_input import address, filled, said, send, submission, view_of

# What each form says instead, the second time: the name of a field, and its value.
OTHER = {
    "assignments.assign_many": {"quantity": "3"},
    "assignments.create": {"quantity": "3"},
    "assignments.create did": {"start_date": "2026-11-23"},
    "charges.create": {"amount": "13"},
    "corrections.create": {"retail": "21"},
    "corrections.create_rate": {"tax_reason": "Another reason"},
    "credit.adjust": {"reason": "Another reason"},
    "customers.create": {"name": "Another Newcomer"},
    "did_intake.create": {"number": "+442079461001"},
    "notes.create": {"text": "Another note"},
    "packages.create": {"name": "Another package"},
    "packages.create minutes": {"destination": "^33"},
    "payments.create": {"amount": "9"},
    "payments.split": {"amount": "2"},
    "payments_back.create": {"amount": "2"},
}
# Forms that only lead to one that stores something.
PREVIEWS = {"did_intake.check"}
NO_TOKENS = {
    "empty": "", "blank": "   ", "too long": "x" * 65, "left out": None,
    "no letters": "\u202e" * 8,
}  # fmt: skip
NEW = (
    "{names} carry a token, and tests/web/http/test_once.py does not know them: "
    "say in OTHER what they say the second time"
)


@pytest.fixture(scope="module")
def stage(folder):
    """The portal, with the things of two customers. (tests/services/test_once.py tries both databases.)"""
    home = world.new_folder(folder, "once")
    database = world.Sqlite(home)
    yield bad_input_world.Stage(database, home)
    database.close()


def opened(stage, name):
    """A form as its page shows it, filled in, nothing sent yet."""
    stage.database.clean()
    return ROWS[name], submission(stage, name, ROWS[name])


def where(answer):
    return answer.location or words(read(answer.text).select_one("h1"))


@pytest.mark.slow
def test_every_form_with_a_token_is_tried_here(stage):
    stage.database.clean()
    known, found = {ROWS[name].view or name for name in OTHER}, set()
    for row in ROWS.values():
        if not row.page:
            continue
        query = {key: filled(stage, value) for key, value in row.query.items()}
        answer = stage.browser(row.role).get(address(stage, row.page, row, "GET"), query_string=query)
        soup = read(answer.text)
        forms = [form_on(soup, element) for element in soup.select("form[method=post]")]
        found |= {view_of(stage, form.action) for form in forms if "token" in form.fields}
    assert known <= found
    assert not found - known - PREVIEWS, NEW.format(names=", ".join(sorted(found - known - PREVIEWS)))


@pytest.mark.parametrize("name", OTHER)
def test_a_form_that_is_sent_twice_makes_one_thing_and_answers_with_it(stage, name):
    row, form = opened(stage, name)
    before = bad_input.contents(stage.app)
    first = send(stage, row, form, form.values)
    assert first.status_code in row.status, said(first)
    made = bad_input.contents(stage.app)
    assert made != before
    second = send(stage, row, form, form.values)
    assert (second.status_code, where(second)) == (first.status_code, where(first)), said(second)
    assert bad_input.contents(stage.app) == made


@pytest.mark.parametrize("name", OTHER)
def test_the_token_of_a_form_that_was_sent_is_refused_to_other_content(stage, name):
    row, form = opened(stage, name)
    assert send(stage, row, form, form.values).status_code in row.status
    made = bad_input.contents(stage.app)
    answer = send(stage, row, form, form.values | OTHER[name])
    soup = page(answer, 409)
    assert "This form was already sent with different content" in words(soup)
    assert bad_input.contents(stage.app) == made
    ways = [a["href"] for a in soup.select("main a.button") if re.match("See |Show ", words(a))]
    assert ways and stage.browser("owner").get(ways[0]).status_code == 200


@pytest.mark.parametrize("why", NO_TOKENS)
@pytest.mark.parametrize("name", OTHER)
@pytest.mark.slow
def test_a_form_without_a_token_is_refused_in_a_sentence_and_kept_as_typed(stage, name, why):
    row, form = opened(stage, name)
    before = bad_input.contents(stage.app)
    values = {key: value for key, value in form.values.items() if key != "token"}
    if NO_TOKENS[why] is not None:
        values["token"] = NO_TOKENS[why]
    soup = page(send(stage, row, form, values), 422)
    assert "The form's one-time token was missing, so nothing was saved." in words(soup)
    assert bad_input.contents(stage.app) == before
    elements = soup.select("form[method=post]")
    again = next(f for f in (form_on(soup, one) for one in elements) if "token" in f.fields)
    assert re.fullmatch("[0-9a-f]{32}", again.values["token"])
    assert {key: again.values[key] for key in OTHER[name]} == {key: values[key] for key in OTHER[name]}
    assert send(stage, row, form, again.values).status_code in row.status


def test_a_payment_of_another_customer_is_not_recorded_with_a_used_token(stage):
    row, form = opened(stage, "payments.create")
    send(stage, row, form, form.values)
    theirs = f"/payments?customer_id={stage.parts['their_customer']}"
    made = bad_input.contents(stage.app)
    answer = stage.browser("owner").post(theirs, data=form.values)
    assert "a payment of 8.00 GBP from Acme was recorded" in words(page(answer, 409))
    assert bad_input.contents(stage.app) == made


@pytest.mark.parametrize("name", ["payments.create", "packages.create", "assignments.create"])
def test_a_script_is_told_too(stage, name):
    row, form = opened(stage, name)
    send(stage, row, form, form.values)
    browser = stage.browser("owner")
    answer = browser.post(form.action, data=form.values | OTHER[name], headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "This form was already sent" in answer.text
