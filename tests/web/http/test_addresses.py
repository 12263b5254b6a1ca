"""One grammar of addresses: the page, the whole form, and the row, of whatever has them."""

import re

import pytest

THING = r"/<int:\w+>"
# What a view is called says where it stands; any other address of such a view is one to be looked for.
GRAMMAR = {
    ("edit", "GET"): rf"{THING}/edit",
    ("update", "POST"): THING,
    ("row", "GET"): rf"{THING}/row",
    ("edit_row", "GET"): rf"{THING}/row/edit",
    ("update_row", "POST"): rf"{THING}/row",
}
# There is one of them, or its people name theirs by a handle, under addresses that they may have kept.
ALONE = {"account", "settings", "my"}


@pytest.mark.parametrize(("view", "method"), GRAMMAR)
def test_the_same_view_of_everything_has_the_same_address(app, view, method):
    found = {
        rule.endpoint: rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.rpartition(".")[2] == view and rule.endpoint.partition(".")[0] not in ALONE
    }
    assert found
    otherwise = {
        name: address
        for name, address in found.items()
        if not re.search(GRAMMAR[view, method] + "$", address) or not _takes(app, name, method)
    }
    assert not otherwise


def _takes(app, endpoint, method):
    return all(method in rule.methods for rule in app.url_map.iter_rules(endpoint))


def test_no_address_of_a_whole_form_answers_a_row(app):
    """Whoever has a row has no other door to it: what ends in /edit and not in /row/edit is a whole form."""
    forms = {
        rule.endpoint.rpartition(".")[2]
        for rule in app.url_map.iter_rules()
        if rule.rule.endswith("/edit") and not rule.rule.endswith("/row/edit")
    }
    assert forms == {"edit"}
