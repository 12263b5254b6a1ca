"""What the benchmarks promise: the bare store takes in the very rows of a run, and what became slower is said."""

import pytest
from sqlalchemy import text

from benchmarks import large, lighthouse, raw, results, runs
from benchmarks.results import Result
from benchmarks.stores import KINDS, place
from benchmarks.table import Table
from portal.extensions import db

HEADS = ("what", "sqlite", "goal")


def a_result(
    *rows, title="Runs over 100 assignments", machine="A machine, 2 cores", said="29 November 2026, by `x`"
):
    return Result(Table(title, HEADS, [(*row, "") for row in rows]), said, machine)


# -- RESULTS.md


def test_what_is_written_is_read_again():
    some = [
        a_result(("post", "2.10 s"), ("post : raw before", "1.20")),
        a_result(("one", "3.0 ms"), title="Pages"),
    ]
    written = {result.table.title: result for result in some}
    assert results.read(results.write(written)) == written


@pytest.mark.parametrize(
    ("words", "before", "now"),
    [
        ("post", "2.00 s", "2.60 s"),
        ("post", "900.0 ms", "1.20 s"),
        ("a charge, posted", "20.0 us", "30.0 us"),
        ("charges posted a second", "50,000", "30,000"),
        ("post : raw before", "1.00", "1.40"),
        ("raw before : raw after", "1.80", "1.20"),
        ("two workers : one, speed", "1.70", "1.20"),
    ],
)
def test_what_became_slower_is_said(words, before, now):
    was, is_now = a_result((words, before)), a_result((words, now))
    sentence = f"Runs over 100 assignments: {words}, sqlite: {before} before, {now} now"
    assert results.slower(was, is_now) == [sentence]
    assert results.slower(is_now, was) == []


def test_a_little_more_may_be_chance():
    assert not results.slower(a_result(("page", "12.0 ms")), a_result(("page", "19.0 ms")))
    assert not results.slower(a_result(("post", "2.00 s")), a_result(("post", "2.40 s")))


def test_times_of_another_machine_say_nothing_and_ratios_do():
    was = a_result(("post", "2.00 s"), ("post : raw before", "1.00"))
    elsewhere = a_result(("post", "9.00 s"), ("post : raw before", "2.00"), machine="Another, 4 cores")
    assert results.slower(was, elsewhere) == [
        "Runs over 100 assignments: post : raw before, sqlite: 1.00 before, 2.00 now"
    ]


def test_a_table_in_which_something_became_slower_stays_as_it_was_until_it_is_to_be_kept(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(results, "FILE", tmp_path / "RESULTS.md")

    def kept(*cells, look=False, whatever=False):
        tables = [Table(title, HEADS, [("post", cell, "")]) for title, cell in zip("ab", cells, strict=True)]
        found = results.keep(tables, "29 November 2026, by `x`", "A machine", whatever=whatever, look=look)
        there = results.read(results.FILE.read_text())
        return len(found), [there[title].table.rows[0][1] for title in "ab"]

    assert kept("2.00 s", "2.00 s") == (0, ["2.00 s", "2.00 s"])
    assert kept("4.00 s", "1.00 s", look=True) == (1, ["2.00 s", "2.00 s"])
    assert kept("4.00 s", "1.00 s") == (1, ["2.00 s", "1.00 s"])
    assert kept("4.00 s", "1.00 s", whatever=True) == (1, ["4.00 s", "1.00 s"])


def test_the_file_that_is_there_is_as_it_would_be_written():
    if results.FILE.exists():
        there = results.FILE.read_text()
        assert results.write(results.read(there)) == there


# -- Lighthouse's marks


def a_report(performance, contrast):
    """What a look at a page comes to, as Lighthouse writes it."""
    audits = {
        "color-contrast": {"score": contrast},
        "label": {"score": None},
        "is-on-https": {"score": 1},
        "speed-index": {"score": performance},
        "largest-contentful-paint": {"score": performance, "numericValue": 1500 - 1000 * performance},
        "total-byte-weight": {"score": 0, "numericValue": 41_234},
    }
    refs = {
        "performance": ["speed-index", "largest-contentful-paint"],
        "accessibility": ["color-contrast", "label"],
        "best-practices": ["is-on-https"],
    }
    marks = {"performance": performance, "accessibility": 0.9 + contrast / 10, "best-practices": 1}
    return {
        "audits": audits,
        "categories": {
            name: {"score": mark, "auditRefs": [{"id": id, "weight": 1} for id in refs[name]]}
            for name, mark in marks.items()
        },
    }


@pytest.mark.parametrize(
    ("looks", "marks", "verdict"),
    [
        ([(0.99, 1), (0.6, 1), (0.98, 1)], ("98", "100", "100", "520.0 ms"), "kept"),
        ([(0.97, 1)], ("97", "100", "100", "530.0 ms"), "kept"),
        ([(0.96, 1)], ("96", "100", "100", "540.0 ms"), "missed: largest-contentful-paint, speed-index"),
        ([(1, 0), (1, 0), (1, 1)], ("100", "90", "100", "500.0 ms"), "missed: color-contrast"),
    ],
)
def test_a_page_has_the_medians_of_its_marks_and_what_costs_it_points_where_they_miss_their_goals(
    looks, marks, verdict
):
    found = lighthouse.row("home", [a_report(*look) for look in looks])
    assert found == ("home", *marks, "41 kB", verdict)


def test_two_points_fewer_are_said_and_one_may_be_chance():
    def marked(points):
        return Result(Table("Phone", ("page", "performance"), [("home", points)]), "today", "A machine")

    assert results.slower(marked("100"), marked("98")) == ["Phone: home, performance: 100 before, 98 now"]
    assert not results.slower(marked("100"), marked("99"))
    assert not results.slower(marked("97"), marked("100"))


# -- the bare store

NOTHING = {"None", "False", "0"}  # either database's own of a flag that is not set


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_bare_store_takes_in_the_rows_that_a_run_posts_now_and_as_its_tables_were(kind):
    with place(kind, large.TODAY.isoformat()) as there:
        with there.portal("made", fresh=True):
            runs.as_in_life(120)
            since = raw.mark()
        there.copy("made", "raw")
        with there.portal("made"):
            assert runs.post() > 120
            posted = {table: rows(table) for table in (*raw.INSERTED, raw.MOVED)}
        raw.measure(there, since, "made", "raw")
        with there.portal("raw"):
            for table, expected in posted.items():
                assert expected and rows(table) == expected, table
                # Either may have columns that the other has not: what there was no column for then says nothing yet.
                names = {name for name, _ in expected[0]}
                before = rows(f"before_{table}", names)
                had = {name for name, _ in before[0]}
                assert {value for row in expected for name, value in row if name not in had} <= NOTHING, table
                assert [
                    [(name, value) for name, value in row if name in had] for row in expected
                ] == before, table
        there.drop("made", "raw")


def rows(table, names=None):
    """All rows of a table, whatever the order of its columns; of some of these, where they are named."""
    found = db.session.execute(text(f"SELECT * FROM {table}")).mappings()
    return sorted(
        sorted((name, str(value)) for name, value in row.items() if names is None or name in names)
        for row in found
    )
