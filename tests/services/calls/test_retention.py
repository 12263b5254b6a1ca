"""Files of calls that nobody comes back to: discarded after some days, and said; never one that is half in."""

from datetime import timedelta

from sqlalchemy import func, select

from portal.models import CallFile, ImportState
from portal.services.calls import importing, retention
from portal.services.overview import watch
from tests.calling import a_file, a_line, accepted, begun, half_in, noon
from tests.trade import NOW, TODAY, a_customer

DAYS = 30
ODD_HEAD = "ref,who,when was it,pounds"


def files(session):
    return session.scalar(select(func.count(CallFile.id)))


def waiting(session, tmp_path):
    """A file whose layout nobody knows."""
    import_ = accepted(a_file(tmp_path, ["a,Northwind Telecom,2026-11-03,1"], ODD_HEAD, "odd.csv"))
    session.commit()
    return import_


def test_a_file_that_waits_for_its_layout_is_discarded_after_the_days_that_are_set(session, tmp_path):
    import_ = waiting(session, tmp_path)
    assert retention.sweep(NOW + timedelta(days=DAYS), DAYS) == []
    assert importing.needs_layout(import_) and files(session) == 1
    (discarded,) = retention.sweep(NOW + timedelta(days=DAYS, seconds=1), DAYS)
    assert discarded is import_ and (import_.state, import_.file_id) == (ImportState.DISCARDED, None)
    assert import_.sentence == (
        "Discarded: its layout was not described within 30 days. Nothing of the file was imported."
    )
    assert watch.last_file_came_at() == discarded.started_at, "it came all the same"
    assert not files(session) and watch.imports_to_look_at(NOW + timedelta(days=DAYS + 1)) == []
    assert retention.sweep(NOW + timedelta(days=DAYS + 1), DAYS) == []


def test_a_file_of_which_nothing_was_imported_when_it_was_stopped_is_discarded_likewise(session, tmp_path):
    a_customer()
    import_ = begun(a_file(tmp_path, [a_line("a", noon(TODAY), 60, "1")]))
    importing.stop(import_)
    session.commit()
    (discarded,) = retention.sweep(NOW + timedelta(days=2), 1)
    assert (
        discarded.sentence
        == "Discarded: it was not continued within 1 day. Nothing of the file was imported."
    )


def test_a_file_that_is_half_in_is_kept_for_as_long_as_it_takes_and_named(session, tmp_path):
    a_customer()
    import_ = half_in(
        a_file(tmp_path, [a_line("a", noon(TODAY), 60, "1"), a_line("b", noon(TODAY), 60, "1")])
    )
    later = NOW + timedelta(days=400)
    assert retention.sweep(later, DAYS) == [] and files(session) == 1
    assert watch.imports_to_look_at(later) == [import_]


def test_an_import_that_goes_on_is_not_discarded(session, tmp_path):
    begun(a_file(tmp_path, [a_line("a", noon(TODAY), 60, "1")]))
    assert retention.sweep(NOW + timedelta(days=400), DAYS) == [] and files(session) == 1
