"""A field of a package is told once: whatever shows, stores, refuses, watches or reads one knows all of them."""

import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import String, inspect, select

from portal.config import ROOT
from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.models import AuditEntry, Package, PackageSchedule
from portal.services.audit.lists import audit_line
from portal.services.audit.watched import WATCHED, left_out
from portal.services.packages.catalogue import create_package
from portal.services.packages.changes import Fixed, make_change, plan_change
from portal.services.packages.definition import (
    DATED,
    DEFAULTS,
    DESCRIBED,
    FIELDS,
    FIXED,
    PRICE_LABELS,
    Definition,
    PriceSet,
    definition_of,
    problems,
)
from portal.services.scenarios.simulating import OF_PACKAGE, simulate
from tests.trade import NOW, TODAY, a_customer, a_package, assigned, whole_definition

BOTH = pytest.mark.parametrize("minutes", [False, True], ids=["standard", "free minutes"])


def save(package: Package, **changed: object) -> None:
    """Change what is stored of a package."""
    make_change(plan_change(package, replace(definition_of(package, TODAY), **changed), None, TODAY))


def test_every_field_is_tried_here(session):
    tried = {
        name
        for definition in (whole_definition(), whole_definition(minutes=True))
        for name in FIELDS
        if getattr(definition, name) != DEFAULTS[name]
    }
    assert tried == set(FIELDS), "say in tests/trade.py, in whole_definition, what such a field may hold"


@pytest.mark.parametrize("model", WATCHED, ids=lambda model: model.__name__)
def test_every_column_of_what_is_watched_is_told_or_left_out_for_a_reason(model):
    columns = {column.key for column in inspect(model).column_attrs}
    told, silent = set(WATCHED[model].fields), set(left_out(model))
    assert not columns - told - silent, (
        "the audit log is silent about these: tell them in WATCHED of portal/services/audit/watched.py (a field of a "
        "package: in Definition of portal/services/packages/definition.py), or say in LEFT_OUT why not"
    )
    assert not silent - columns and not told & silent


def test_every_field_is_a_column_as_long_as_what_is_typed_there():
    for name, field in FIELDS.items():
        column = inspect(PackageSchedule if field.is_dated else Package).columns[name]
        if isinstance(column.type, String) and field.longest:
            assert column.type.length in (field.longest, None)


def test_every_text_has_a_length_that_is_refused_beyond():
    for name, default in DEFAULTS.items():
        if default == "" and type(default) is str:
            assert FIELDS[name].longest
            definition = replace(whole_text(), **{name: "x" * (FIELDS[name].longest + 1)})
            assert FIELDS[name].input in [problem.field for problem in problems(definition)]


def whole_text() -> Definition:
    """A package of which only the kind is said: one that has every text."""
    return Definition("Some", (PriceSet("GBP"),), type=PackageType.FREE_MINUTES)


@BOTH
def test_what_is_defined_is_stored_and_read_back(session, minutes):
    definition = whole_definition(minutes=minutes)
    package = create_package(definition, token="a click", now=NOW)
    session.flush()
    session.refresh(package)
    assert definition_of(package, TODAY) == definition


@BOTH
def test_while_nobody_has_it_everything_changes(session, minutes):
    definition = whole_definition(minutes=minutes)
    package = a_package(retail="24.50")
    save(package, **{name: getattr(definition, name) for name in FIELDS})
    session.flush()
    session.refresh(package)
    changed = replace(definition_of(package, TODAY), prices=definition.prices)
    assert changed == definition


@pytest.mark.parametrize("name", FIXED)
def test_what_is_fixed_once_it_was_assigned_offers_a_copy(session, name):
    other = {
        "connexcs_package_id": whole_definition().connexcs_package_id,
        "type": PackageType.FREE_MINUTES,
        "minimum_spend": True,
        "proration": Proration.DAILY,
    }
    package = a_package()
    save(package, **{name: other[name]})  # nobody has it yet
    package = a_package()
    assigned(package, a_customer())
    with pytest.raises(Fixed, match=FIELDS[name].label) as refused:
        save(package, **{name: other[name]})
    assert refused.value.way_out.endpoint == "packages.copy"


def test_whether_there_is_a_frequency_is_fixed_too(session):
    package = a_package()
    assigned(package, a_customer())
    with pytest.raises(Fixed, match="so whether there is a Frequency is fixed"):
        save(package, frequency=Frequency.NONE, frequency_match=())


def test_what_describes_it_may_always_change(session):
    package = a_package(minutes=True)
    assignment = assigned(package, a_customer(), minutes=100)
    definition = whole_definition(minutes=True)
    save(package, **{name: getattr(definition, name) for name in DESCRIBED})
    session.flush()
    session.refresh(package)
    stored = definition_of(package, TODAY)
    assert all(getattr(stored, name) == getattr(definition, name) for name in DESCRIBED)
    assert assignment.locked_until is None


@BOTH
def test_the_audit_log_tells_every_field_by_its_label(session, minutes):
    package = a_package()
    session.commit()
    definition = whole_definition(minutes=minutes)
    save(package, **{name: getattr(definition, name) for name in FIELDS})
    session.commit()
    entries = session.scalars(select(AuditEntry).where(AuditEntry.noun == "package"))
    changes = {
        label for entry in entries if entry.act == "changed" for label, *_ in audit_line(entry).changes
    }
    before = definition_of(a_package(), TODAY)
    differ = {name for name in FIELDS if getattr(before, name) != getattr(definition, name)}
    assert changes >= {FIELDS[name].label for name in differ}


@BOTH
def test_a_scenario_sets_every_field_and_a_change_leaves_the_others_alone(session, minutes):
    definition = replace(whole_definition(minutes=minutes), connexcs_package_id=None)
    said = {name: getattr(definition, name) for name in OF_PACKAGE}
    scenario = {
        "currency": "GBP",
        "from": "2026-11-22",
        "to": "2026-11-23",
        "packages": [json.loads(json.dumps({"key": "it", "retail": "24.50", **said}))],
        "assignments": [
            {"package": "it", "start_date": "2026-12-01", **({"minutes": 10} if minutes else {})}
        ],
        "changes": [{"on": "2026-11-22", "package": "it", "retail": "30"}],
    }
    simulate(scenario)
    stored = definition_of(session.scalars(select(Package)).one(), TODAY)
    assert replace(stored, prices=definition.prices) == definition
    assert set(FIELDS) - set(OF_PACKAGE) == {"connexcs_package_id"}


def test_the_words_name_every_field_as_it_is_labelled():
    text = (ROOT / "docs/words.md").read_text()
    told = text.partition("- Package: ")[2].partition("\n- Assignment: ")[0]
    labels = {field.label for field in FIELDS.values()} | {*PRICE_LABELS.values(), "Currency"}
    assert set(re.findall(r"\*\*(.+?)\*\*", " ".join(told.split()))) == labels


def test_a_dated_field_stands_in_the_schedules():
    assert set(DATED) == {"frequency", "frequency_match"}, "portal.domain.schedule.Schedule has no others"
