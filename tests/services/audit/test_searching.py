"""Acts are found by any part of their texts: the same as by reading every entry, though SQLite has many as one."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text

from portal.domain.names import search_key, search_words
from portal.domain.phone_numbers import parts_to_find
from portal.extensions import db
from portal.models import AuditEntry
from portal.services.audit.lists import find_entries
from portal.services.audit.recording import line

TEXTS = st.text(alphabet=st.sampled_from("ab c%_/\\'é漢+07"), max_size=9)


def written(session: Any, labels: list[str]) -> None:
    if labels:
        session.execute(
            insert(AuditEntry), [line("added", "package", n, label) for n, label in enumerate(labels)]
        )


@given(
    rounds=st.lists(st.lists(TEXTS, max_size=90), max_size=4),
    many=st.integers(0, 200),
    sought=st.lists(TEXTS, min_size=1, max_size=2),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_found_is_what_holds_every_word(
    session: Any, rounds: list[list[str]], many: int, sought: list[str]
) -> None:
    """Also after a round that was taken back, and among entries of which many are kept as one, and some not yet."""
    session.rollback()
    written(session, [f"row {n}" for n in range(many)])
    for labels in rounds:
        taken_back = session.begin_nested()
        written(session, ["taken back", *labels])
        taken_back.rollback()
        written(session, labels)
    words = search_words(" ".join(sought))
    of = {
        id
        for id, key in session.execute(select(AuditEntry.id, AuditEntry.search_key))
        if all(word in key for word in words)
    }
    found = set(session.scalars(find_entries(" ".join(words)).with_only_columns(AuditEntry.id)))
    # What is a number is found as numbers are, too: below.
    assert found >= of if parts_to_find(" ".join(words)) else found == of


def test_a_number_is_found_however_it_is_written_wherever_it_stands(session: Any) -> None:
    written(session, ["DID +442079460123", *(f"row {n}" for n in range(150)), "DID +442079460123"])
    found = session.scalars(find_entries("+44 20 7946 0123")).all()
    assert [entry.label for entry in found] == ["DID +442079460123"] * 2


@pytest.mark.parametrize("is_known", [False, True])
def test_sqlite_begins_with_the_texts_that_are_one(session: Any, is_known: bool) -> None:
    """Whether the tables were counted or not: begun with the entries, each would be compared with all of the texts."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads the entries themselves")
    written(session, [f"row {n}" for n in range(300)])
    assert session.scalar(text("SELECT count(*) FROM part_audit_entry")) == 4
    if is_known:
        session.execute(text("ANALYZE"))
    said: list[Any] = []
    event.listen(
        db.engine, "before_cursor_execute", lambda c, cursor, what, values, *_: said.append((what, values))
    )
    find_entries("row 12")
    statement, values = said[-1]
    plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    first = next(n for n, step in enumerate(plan) if step.startswith("SCAN part_audit_entry"))
    assert plan[first + 1] == "SEARCH audit_entry USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"


def test_a_search_key_is_one_line() -> None:
    """The texts of many are parted by one: none is found across two of them."""
    assert "\n" not in search_key("DID\n+44\r\nphone") + "".join(search_words("a\nb"))
