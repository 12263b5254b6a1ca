"""Every field of a package has its place in the form, in a conflict and on the page. Today is 22 November 2026."""

import pytest
from sqlalchemy import select

from portal.models import Package
from portal.services.packages.catalogue import create_package
from portal.services.packages.definition import DATED, FIELDS, FIXED, definition_of, labelled
from tests.pages import page, words
from tests.trade import NOW, TODAY, a_customer, a_package, assigned, whole_definition

BOTH = pytest.mark.parametrize("minutes", [False, True], ids=["standard", "free minutes"])


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def typed(definition):
    """What a browser would send of a form in which a package is defined."""
    values = {field.input: getattr(definition, name) for name, field in FIELDS.items()}
    sent = {
        name: "y" if value is True else [*map(str, value)] if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not False and value is not None
    }
    (prices,) = definition.prices
    return sent | {"currency": prices.currency, "retail": str(prices.retail), "token": "one-form"}


@BOTH
def test_the_form_has_every_field_under_the_label_providers_know(client, session, minutes):
    package = create_package(whole_definition(minutes=minutes), token="a click", now=NOW)
    form = page(client.get(f"/packages/{package.id}/edit")).select_one("#package-form")
    labels = {words(label) for label in form.select("label, legend")}
    for field in FIELDS.values():
        assert form.select(f"[name={field.input}]"), (
            f"{field.input}: no place in templates/packages/_form.html"
        )
        assert {field.label, f"{field.label} required"} & labels


@BOTH
def test_what_is_typed_in_every_field_is_stored(client, session, minutes):
    definition = whole_definition(minutes=minutes)
    assert client.post("/packages", data=typed(definition)).status_code == 303
    assert definition_of(session.scalars(select(Package)).one(), TODAY) == definition


@BOTH
def test_in_a_conflict_what_is_stored_stands_under_every_field_that_differs(client, session, minutes):
    definition, package = whole_definition(minutes=minutes), a_package()
    stale, before = package.version, definition_of(package, TODAY)
    answer = client.post(f"/packages/{package.id}", data=typed(definition) | {"version": stale})
    assert answer.status_code == 303
    mine = typed(before) | {"version": stale, "type": definition.type}
    soup = page(client.post(f"/packages/{package.id}", data=mine), 409)
    stored = definition_of(package, TODAY)
    for name, field in FIELDS.items():
        if name != "type" and getattr(stored, name) != getattr(before, name):
            help = soup.select_one(f"#{field.input}-help")
            assert help and words(help) == f"Stored now: {field.words(getattr(stored, name))}", field.input


@BOTH
def test_the_page_says_every_field(client, session, minutes):
    definition = whole_definition(minutes=minutes)
    package = create_package(definition, token="a click", now=NOW)
    soup = page(client.get(f"/packages/{package.id}"))
    assert words(soup.select_one("h1")) == definition.name
    said = dict(zip(*([words(e) for e in soup.select(f"aside {tag}")] for tag in ("dt", "dd")), strict=True))
    told = labelled(definition, [name for name in FIELDS if name not in ("name", *DATED)])
    assert {label: said.get(label) for label, _ in told} == dict(told)
    assert said["Frequency"] == "monthly, 15th and 31st"


@BOTH
def test_what_is_fixed_is_shown_and_sent_along_as_it_is(client, session, minutes):
    definition = whole_definition(minutes=minutes)
    package = create_package(definition, token="a click", now=NOW)
    assigned(package, a_customer(), **({"minutes": 10} if minutes else {}))
    soup = page(client.get(f"/packages/{package.id}/edit"))
    shown = [words(term) for term in soup.select("#package-form dl.details dt")]
    assert shown == [label for label, _ in labelled(definition, FIXED)]
    sent = {field["name"]: field["value"] for field in soup.select("#package-form input[type=hidden]")}
    fixed = {name: value for name, value in typed(definition).items() if name in sent and name != "token"}
    assert {FIELDS[name].input for name in FIXED} - {"minimum_spend"} <= set(fixed)
    assert {name: str(value) for name, value in fixed.items()} == {name: sent[name] for name in fixed}
