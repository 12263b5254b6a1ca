"""`portal import calls` given many files, and a folder that fills night for night."""

import gzip
import os
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from signal import SIGKILL
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from portal import arrivals, cli
from portal.database import reading
from portal.domain.call_files.layout import Layout
from portal.extensions import db
from portal.models import BalanceEntry, Call, CallFile, CallImport, EntrySource, ImportState
from portal.services.calls import importing, layouts, retention, undoing
from tests.calling import HEAD, a_file, a_line, accepted, begun, half_in, noon, undone
from tests.processes import Command
from tests.services.calls.test_calls_importing import BAD_FILES
from tests.services.calls.test_calls_properties import LAST, a_world, balances, charges, some_lines, totals
from tests.trade import BEN, NOW, TODAY, a_customer, run

ODD_HEAD = "ref,who,when was it,pounds"
ODD = "a,Northwind Telecom,2026-11-03 10:00:00,1"
PATIENCE = 60  # seconds
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def portal(app, monkeypatch):
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def run(*arguments: object) -> Result:
        db.session.commit()
        return CliRunner().invoke(cli.main, ["import", "calls", *map(str, arguments)])

    return run


@pytest.fixture
def inbox(session, tmp_path) -> Path:
    """The folder that files are sent to; Northwind Telecom is there."""
    a_customer(tax_rate="0")
    folder = tmp_path / "new"
    folder.mkdir()
    return folder


def calls(name: str, count: int = 2, charge: str = "1") -> list[str]:
    return [a_line(f"{name}-{number}", noon(TODAY), 60, charge) for number in range(count)]


def put(folder: Path, name: str, lines: list[str], head: str = HEAD) -> Path:
    """A file that has lain there for an hour."""
    return aged(a_file(folder, lines, head, name))


def aged(path: Path) -> Path:
    then = (datetime.now(UTC) - LONG_AGO).timestamp()
    os.utime(path, (then, then))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def stored() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Call.id)))


def imports() -> list[tuple[str, str]]:
    db.session.rollback()
    found = db.session.scalars(select(CallImport).order_by(CallImport.id))
    return [(one.file_name, one.state.value) for one in found]


# -- many in one command


def test_files_and_folders_are_taken_in_by_name_and_the_last_lines_add_up(inbox, portal, tmp_path):
    put(inbox, "b.csv", calls("b"))
    put(inbox, "a.csv.gz", [*calls("a"), a_line("x", "then", 60, "1")])
    other = put(tmp_path, "other.csv", calls("other", 3))
    answer = portal(other, inbox)
    assert answer.exit_code == 3, answer.output
    assert [name for name, _ in imports()] == ["other.csv", "a.csv.gz", "b.csv"]
    assert answer.output.splitlines()[-2:] == ["3 files: 3 imported.", "Calls: 7 imported, 1 bad."]
    assert stored() == 7


def test_a_bad_file_does_not_stop_the_others_and_the_status_tells_the_worst(inbox, portal, tmp_path):
    (inbox / "a.csv").write_bytes(b"")
    aged(inbox / "a.csv")
    put(inbox, "b.csv", [a_line("x", "then", 60, "1")])
    put(inbox, "c.csv", calls("c"))
    done, failed = tmp_path / "done", tmp_path / "failed"
    answer = portal(inbox, "--done", done, "--failed", failed)
    assert answer.exit_code == 1, answer.output
    assert f"{inbox / 'a.csv'}: refused: The file is empty." in answer.output
    assert "3 files: 2 imported, 1 refused." in answer.output
    assert (names(inbox), names(done), names(failed)) == ([], ["b.csv", "c.csv"], ["a.csv"])
    assert stored() == 2


def a_bomb() -> bytes:
    with BytesIO() as out:
        with gzip.open(out, "wb") as file:
            file.write(HEAD.encode() + b"\n")
            for _ in range(40):
                file.write((b"," * 1023 + b"\n") * 1024)
        return out.getvalue()


def test_a_folder_of_bad_files_changes_nothing_and_each_is_named_with_a_sentence(inbox, portal, tmp_path):
    bad = BAD_FILES | {"a bomb.gz": a_bomb(), "a million lines": b"words\n" * 1_000_000}
    for name, content in bad.items():
        (inbox / name).write_bytes(content)
        aged(inbox / name)
    answer = portal(inbox, "--failed", tmp_path / "failed")
    assert answer.exit_code == 1
    for name in bad:
        assert re.search(rf"{re.escape(str(inbox / name))}: refused: \w.{{15,}}[.?]\n", answer.output), name
    assert names(inbox) == [] and names(tmp_path / "failed") == sorted(bad)
    assert not imports() and not stored() and not db.session.scalar(select(func.count(CallFile.id)))


def test_formulas_in_a_file_are_bad_rows_and_the_rest_is_taken_in(inbox, portal, tmp_path):
    formula = a_line("=cmd()", noon(TODAY), 60, "1")
    put(inbox, "=night.csv", [formula, *calls("a")])
    bad = tmp_path / "bad.csv"
    answer = portal(inbox / "=night.csv", "--bad-rows", bad)
    assert answer.exit_code == 3 and "2 imported, 1 bad" in answer.output
    assert "'=cmd()" in bad.read_text()


def test_what_cannot_even_be_read_is_said_and_the_others_are_taken_in(inbox, portal):
    nothing_to_read = Path("/proc/self/mem")  # it can be opened, and that is all
    answer = portal(nothing_to_read, put(inbox, "b.csv", calls("b")))
    assert answer.exit_code == 1 and f"{nothing_to_read}: " in answer.output, answer.output
    assert "2 files: 1 imported, 1 refused." in answer.output and stored() == 2


def test_a_link_in_a_folder_is_left_and_one_that_is_named_is_read_and_not_moved(inbox, portal, tmp_path):
    link = inbox / "night.csv"
    link.symlink_to(put(tmp_path, "elsewhere.csv", calls("a")))
    assert f"{link}: left: no file of its own." in portal(inbox).output and not stored()
    answer = portal(link, "--done", tmp_path / "done")
    assert answer.exit_code == 3 and "it is a link to a file" in answer.output, answer.output
    assert stored() == 2 and link.is_symlink()


def test_unanswered_calls_and_nothing_new_fail_no_cron_job(inbox, portal):
    put(inbox, "a.csv", [a_line("a", noon(TODAY), 0, "0")])
    first, second = portal(inbox), portal(inbox)
    assert [first.exit_code, second.exit_code] == [0, 0], second.output
    assert "Calls: 0 imported, 1 unanswered." in first.output
    assert "passed over: imported before, as import" in second.output
    assert second.output.splitlines()[-1] == "Nothing new. 1 file: 1 passed over."


def test_an_empty_folder_is_no_error(inbox, portal):
    answer = portal(inbox)
    assert (answer.exit_code, answer.output) == (0, "Nothing new. 0 files.\n")


def test_check_says_of_each_file_what_it_would_come_to_and_leaves_all_as_it_is(inbox, portal, tmp_path):
    put(inbox, "a.csv", calls("a"))
    put(inbox, "b.csv", calls("b"))
    portal(inbox / "a.csv")
    put(inbox, "b-again.csv", calls("b"))
    put(inbox, "c.csv", ["x"], "no calls")
    put(inbox, "d.csv", [ODD], ODD_HEAD)
    answer = portal(inbox, "--check", "--done", tmp_path / "done", "--failed", tmp_path / "failed")
    assert answer.exit_code == 1, answer.output
    assert "a.csv: passed over: imported before" in answer.output
    assert answer.output.count("Nothing was imported. 2 lines: 2 to import.") == 1
    assert f"b.csv: passed over: the same file as {inbox / 'b-again.csv'}." in answer.output
    assert "5 files: 1 looked at, 2 passed over, 1 refused, 1 waiting." in answer.output
    assert len(names(inbox)) == 5 and not (tmp_path / "done").exists()
    assert imports() == [("a.csv", "done")]


def test_what_does_not_go_together_is_refused_before_anything_is_read(inbox, portal, tmp_path):
    path = put(inbox, "a.csv", calls("a"))
    for arguments in (
        (inbox, "--done", inbox),
        (path, "--failed", inbox),
        (inbox, "--bad-rows", tmp_path / "bad.csv"),
        (path, tmp_path / "not-there.csv"),
        (inbox, "--import", "1"),
        ("--import", "1", "--check"),
        ("--waiting", "--done", tmp_path),
    ):
        answer = portal(*arguments)
        assert answer.exit_code == 2, (arguments, answer.output)
    assert not imports() and names(inbox) == ["a.csv"]


# -- what is left for the next night


def test_what_is_hidden_or_perhaps_still_written_is_left_and_named(inbox, portal, tmp_path):
    done = inbox / "done"
    left = {
        ".night.csv": "hidden",
        "night.csv.part": "still being written, by its name",
        "night.csv.filepart": "still being written, by its name",
        "night.csv~": "still being written, by its name",
    }
    for name in left:
        put(inbox, name, calls(name))
    a_file(inbox, calls("now"), name="now.csv")
    (inbox / "other").mkdir()
    left |= {
        "now.csv": "changed within the last minute, so perhaps still being written",
        "other": "a folder: name it to import what is in it",
    }
    done.mkdir()
    answer = portal(inbox, "--done", done)
    assert answer.exit_code == 0, answer.output
    for name, why in left.items():
        assert f"{inbox / name}: left: {why}." in answer.output
    assert answer.output.endswith("Nothing new. 6 files: 6 left for the next time.\n") and not imports()
    aged(inbox / "now.csv")
    assert portal(inbox, "--done", done).exit_code == 0
    assert names(done) == ["now.csv"] and stored() == 2


def test_a_file_of_a_machine_whose_clock_is_wrong_is_taken_in_all_the_same(inbox, portal):
    path = put(inbox, "a.csv", calls("a"))
    ahead = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    os.utime(path, (ahead, ahead))
    assert portal(inbox).exit_code == 0 and stored() == 2


# -- moving


def test_nothing_is_written_over_where_files_are_moved_to(inbox, portal, tmp_path):
    done = tmp_path / "done"
    for charge in ("1", "2", "3"):
        put(inbox, "night.csv", calls(f"at-{charge}", 1, charge))
        answer = portal(inbox, "--done", done)
        assert answer.exit_code == 0, answer.output
    assert names(done) == ["night-2.csv", "night-3.csv", "night.csv"]
    assert "It was moved to" in answer.output and "as the name was taken" in answer.output
    assert len({path.read_text() for path in done.iterdir()}) == 3


def elsewhere() -> Path | None:
    """A folder in another file system than the tests' own."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and os.access(shared, os.W_OK) else None


@pytest.fixture
def far_away(tmp_path):
    shared = elsewhere()
    if shared is None or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("NOT TESTED: there is only one file system here")
    folder = shared / f"portal-{os.getpid()}-{tmp_path.name}"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_a_file_is_moved_into_another_file_system_over_nothing(inbox, portal, far_away):
    (far_away / "night.csv").write_text("somebody's own")
    path = put(inbox, "night.csv", calls("a"))
    content = path.read_bytes()
    assert portal(inbox, "--done", far_away).exit_code == 0
    assert names(inbox) == [] and names(far_away) == ["night-2.csv", "night.csv"]
    assert (far_away / "night-2.csv").read_bytes() == content
    assert (far_away / "night.csv").read_text() == "somebody's own"


def test_a_file_of_which_a_move_left_a_copy_behind_is_there_once_afterwards(inbox, far_away):
    path = put(inbox, "night.csv", calls("a"))
    (far_away / "night.csv").write_bytes(path.read_bytes())
    assert arrivals.move(path, far_away, path.stat()) == far_away / "night.csv"
    assert names(inbox) == [] and names(far_away) == ["night.csv"]


def test_a_move_that_was_killed_between_the_new_name_and_the_old_one_is_ended_by_the_next(inbox, tmp_path):
    path, done = put(inbox, "night.csv", calls("a")), tmp_path / "done"
    done.mkdir()
    (done / "night.csv").hardlink_to(path)
    arrivals.move(path, done, path.stat())
    assert names(inbox) == [] and names(done) == ["night.csv"]


def test_a_file_that_has_changed_since_it_was_read_is_not_moved(inbox, tmp_path):
    path = put(inbox, "night.csv", calls("a"))
    read = path.stat()
    with path.open("a") as file:
        file.write(calls("b")[0] + "\n")
    with pytest.raises(arrivals.Changed):
        arrivals.move(path, tmp_path / "done", read)
    assert path.exists()


def test_what_cannot_be_moved_is_in_all_the_same_and_is_moved_the_next_time(inbox, portal, tmp_path):
    put(inbox, "night.csv", calls("a"))
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    answer = portal(inbox, "--done", blocked / "done")
    assert answer.exit_code == 3 and "It was not moved to" in answer.output, answer.output
    blocked.unlink()
    again = portal(inbox, "--done", blocked / "done")
    assert again.exit_code == 0 and names(blocked / "done") == ["night.csv"], again.output
    assert stored() == 2 and len(imports()) == 1


# -- known by its content


def test_a_file_is_known_by_its_content_whatever_it_is_called_and_packed(inbox, portal, tmp_path):
    plain = put(inbox, "night.csv", calls("a"))
    assert portal(inbox).exit_code == 0
    (inbox / "again.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    aged(inbox / "again.csv.gz")
    answer = portal(inbox, "--done", tmp_path / "done")
    assert answer.exit_code == 0 and "2 files: 2 passed over." in answer.output, answer.output
    assert len(imports()) == 1 and names(tmp_path / "done") == ["again.csv.gz", "night.csv"]


def test_a_file_that_is_named_is_taken_in_again_and_counts_nothing_twice(inbox, portal):
    path = put(inbox, "night.csv", calls("a"))
    assert portal(inbox).exit_code == 0
    answer = portal(path)
    assert answer.exit_code == 0 and "0 imported, 2 duplicate" in answer.output
    assert len(imports()) == 2 and stored() == 2


def test_a_folder_that_replaces_takes_what_was_only_taken_in_without_replacing(inbox, portal):
    put(inbox, "a.csv", calls("a"))
    assert "1 imported" in portal(inbox).output
    assert "1 imported" in portal(inbox, "--replace").output
    assert "Nothing new." in portal(inbox, "--replace").output
    assert "Nothing new." in portal(inbox).output


def test_the_same_file_waits_once_however_often_it_is_met_and_is_taken_in_once_described(
    inbox, portal, tmp_path
):
    put(inbox, "odd.csv", [ODD], ODD_HEAD)
    options = ("--done", tmp_path / "done", "--failed", tmp_path / "failed")
    for _ in range(3):
        answer = portal(inbox, *options)
        assert answer.exit_code == 1 and "Describe the layout on the page of import" in answer.output
        assert "1 file: 1 waiting." in answer.output
    assert portal(inbox / "odd.csv").exit_code == 1
    assert imports() == [("odd.csv", "stopped")] and names(inbox) == ["odd.csv"]
    assert db.session.scalar(select(func.count(CallFile.id))) == 1
    import_ = db.session.scalars(select(CallImport)).one()
    columns = {"call_id": 0, "customer": 1, "started_at": 2, "amount": 3}
    importing.describe(import_, Layout(columns=columns), NOW)
    answer = portal(inbox, *options)
    assert answer.exit_code == 0, answer.output
    assert imports() == [("odd.csv", "done")] and names(tmp_path / "done") == ["odd.csv"]
    assert stored() == 1 and not db.session.scalar(select(func.count(CallFile.id)))


def test_a_discarded_file_is_passed_over_and_moved_to_the_failed_until_it_is_named(inbox, portal, tmp_path):
    path = put(inbox, "odd.csv", [ODD], ODD_HEAD)
    portal(inbox)
    import_ = db.session.scalars(select(CallImport)).one()
    said = portal("--discard", import_.id)
    assert said.exit_code == 0 and said.output == f"Import {import_.id} discarded: odd.csv.\n"
    again = portal("--discard", import_.id)
    assert again.exit_code == 1 and "has already been discarded" in again.output
    assert portal("--discard", 9_999).exit_code == 1
    answer = portal(inbox, "--failed", tmp_path / "failed")
    assert answer.exit_code == 0 and f"import {import_.id} of it is discarded" in answer.output
    assert names(tmp_path / "failed") == ["odd.csv"]
    assert portal(tmp_path / "failed" / "odd.csv").exit_code == 1
    assert [state for _, state in imports()] == ["discarded", "stopped"]
    assert not path.exists()


def test_a_file_whose_import_was_undone_is_not_taken_from_its_folder_again(inbox, portal, tmp_path):
    put(inbox, "a.csv", calls("a"))
    assert portal(inbox).exit_code == 0 and stored() == 2
    import_ = db.session.scalars(select(CallImport)).one()
    undone(import_)
    answer = portal(inbox, "--failed", tmp_path / "failed")
    assert answer.exit_code == 0 and f"import {import_.id} of it is undone" in answer.output, answer.output
    assert names(tmp_path / "failed") == ["a.csv"] and not stored()
    assert portal(tmp_path / "failed" / "a.csv").exit_code == 0 and stored() == 2, "whoever names it wants it"


@pytest.mark.parametrize("given_up", ["undone", "discarded"])
def test_what_somebody_gave_up_is_not_taken_from_a_folder_that_replaces_either(inbox, portal, given_up):
    if given_up == "undone":
        put(inbox, "a.csv", calls("a"))
        assert portal(inbox).exit_code == 0
        undone(db.session.scalars(select(CallImport)).one())
    else:
        put(inbox, "a.csv", [ODD], ODD_HEAD)
        portal(inbox)
        portal("--discard", db.session.scalars(select(CallImport)).one().id)
    answer = portal(inbox, "--replace")
    assert answer.exit_code == 0 and f"of it is {given_up}." in answer.output, answer.output
    assert imports() == [("a.csv", given_up)]


@pytest.mark.parametrize("how", [(), ("--replace",)])
def test_what_nobody_described_in_time_waits_again(inbox, portal, tmp_path, how):
    put(inbox, "a.csv", [ODD], ODD_HEAD)
    portal(inbox, *how)
    (waits,) = db.session.scalars(select(CallImport))
    retention.sweep(waits.heartbeat_at + timedelta(days=31), 30)
    portal(inbox, "--failed", tmp_path / "failed", *how)
    assert imports() == [("a.csv", "discarded"), ("a.csv", "stopped")]
    assert names(inbox) == ["a.csv"]


def test_what_somebody_undid_and_took_in_again_is_replaced_by_a_folder_that_replaces(inbox, portal):
    path = put(inbox, "a.csv", calls("a"))
    portal(path)
    undone(db.session.scalars(select(CallImport)).one())
    portal(path)
    assert "Calls: 0 imported, 2 duplicate." in portal(inbox, "--replace").output
    assert "Nothing new." in portal(inbox, "--replace").output


def test_a_file_whose_import_is_being_undone_is_passed_over(inbox, portal):
    put(inbox, "a.csv", calls("a"))
    portal(inbox)
    import_ = db.session.scalars(select(CallImport)).one()
    undoing.start_undoing(import_, "Rated wrongly", by=BEN, now=NOW)
    answer = portal(inbox)
    assert answer.exit_code == 0 and f"import {import_.id} of it is being undone." in answer.output


def test_a_number_that_no_database_holds_is_refused_as_it_was_typed(inbox, portal):
    for arguments in (("--import", 2**63), ("--discard", 10**30)):
        answer = portal(*arguments)
        assert answer.exit_code == 2 and "is not in the range" in answer.output, answer.output
    assert portal("--import", 2**63 - 1).exit_code == 1


def test_what_somebody_has_sent_on_a_page_is_theirs_to_look_at(inbox, portal):
    path = put(inbox, "a.csv", calls("a"))
    import_ = begun(path)
    importing.stop(import_)
    answer = portal(inbox)
    assert answer.exit_code == 1 and f"{BEN} has sent it, too" in answer.output, answer.output
    assert not stored() and names(inbox) == ["a.csv"]
    assert portal(path).exit_code == 0, "whoever names it wants it taken in"
    assert stored() == 2 and imports() == [("a.csv", "done")]


def test_an_import_that_somebody_stopped_half_way_is_left_to_them_and_named(inbox, portal):
    import_ = half_in(put(inbox, "a.csv", calls("a", 3)))
    answer = portal(inbox)
    assert answer.exit_code == 3 and f"with --import {import_.id}" in answer.output, answer.output
    assert stored() == 1
    assert portal("--import", import_.id).exit_code == 0
    assert "passed over" in portal(inbox).output and stored() == 3


def test_an_import_that_is_at_work_is_left_alone_and_one_that_was_interrupted_goes_on(
    inbox, portal, tmp_path
):
    import_ = begun(put(inbox, "a.csv", calls("a", 3)))
    import_.heartbeat_at = datetime.now(UTC)
    db.session.commit()
    answer = portal(inbox, "--done", tmp_path / "done")
    assert answer.exit_code == 0 and f"import {import_.id} of it is at work" in answer.output
    assert names(inbox) == ["a.csv"] and not stored()
    import_ = db.session.get_one(CallImport, import_.id)
    import_.heartbeat_at = datetime.now(UTC) - LONG_AGO
    db.session.commit()
    answer = portal(inbox, "--done", tmp_path / "done")
    assert answer.exit_code == 0, answer.output
    assert imports() == [("a.csv", "done")] and names(tmp_path / "done") == ["a.csv"] and stored() == 3


# -- whatever comes, on whatever night


COLUMN_OF = {"call id": "call_id", "start time": "started_at", "charge": "amount"}


def some_calls(seed: int, has_ids: bool) -> list[str]:
    """Calls that do not contradict each other: also without ids, no two are alike but for their charge."""
    found = {}
    for line in some_lines(seed, 80):
        call_id, customer, did, destination, when, seconds, *_ = line.split(",")
        found[customer, did, destination, when, seconds] = (
            line if has_ids else line.removeprefix(f"{call_id},")
        )
    return list(found.values())


def nights(lines: list[str], random: Random) -> list[list[str]]:
    """The same calls cut into the files of some nights, in any order, some of them in two files."""
    random.shuffle(lines)
    files = []
    while lines:
        cut = random.randrange(1, 40)
        files.append([*lines[:cut], *random.sample(lines, min(3, len(lines)))])
        lines = lines[cut:]
    return files


@pytest.mark.slow
@pytest.mark.parametrize("has_ids", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("seed", range(3))
def test_however_calls_are_cut_into_the_files_of_some_nights_they_come_to_the_same(
    app, session, database, portal, monkeypatch, tmp_path, seed, has_ids
):
    """Files come again under other names, packed, and while another one was killed half way (billing-rules 17)."""
    monkeypatch.setitem(app.config, "TODAY", LAST.isoformat())
    head = HEAD if has_ids else HEAD.removeprefix("call id,")
    found = []
    for way in range(3):
        database.clean()
        a_world(seed)
        names_of = head.split(",")
        columns = ("call id", "customer", "did", "destination", "start time", "seconds", "charge")
        places = {COLUMN_OF.get(name, name): names_of.index(name) for name in columns if name in names_of}
        layouts.remember(names_of, Layout(places))
        folder, done = tmp_path / f"new-{way}", tmp_path / f"done-{way}"
        folder.mkdir()
        random, lines = Random(seed * 10 + way), some_calls(seed, has_ids)
        came = nights(lines, random) if way else [lines]
        for number, of in enumerate(came):
            path = put(folder, f"{random.randrange(100):02}-{number}.csv", of, head)
            if number and random.random() < 0.4:  # an earlier one is sent once more
                put(folder, f"again-{number}.csv.gz", random.choice(came[:number]), head)
            if way and random.random() < 0.3:  # somebody was killed in taking it in
                killed = accepted(path, by="portal import", now=NOW)
                db.session.commit()
                carry_out_and_die(killed)
            if random.random() < 0.7:
                answer = portal(folder, "--done", done)
                assert answer.exit_code == 0, answer.output
        assert portal(folder, "--done", done).exit_code == 0
        assert not names(folder) and not db.session.scalar(select(func.sum(CallImport.bad_count)))
        state = [totals(), balances()]
        run(LAST)
        found.append([*state, charges()])
        db.session.commit()
    assert found[0] == found[1] == found[2]


class Died(Exception):
    """Whoever was at work is gone, without a word."""


def carry_out_and_die(import_: CallImport) -> None:
    """Take half of it in, as somebody who has been silent ever since."""

    def die(at: CallImport) -> None:
        if at.lines_done * 2 >= at.lines_total:
            raise Died

    with suppress(Died):
        importing.carry_out(import_.id, LAST, lambda: NOW, ZoneInfo("UTC"), 3, die)
    db.session.rollback()


# -- killed, and side by side


def command(app, tmp_path, number: int, *arguments: object) -> Command:
    environment = {
        "PORTAL_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "PORTAL_INSTANCE": str(app.config["INSTANCE"]),
        "PORTAL_TODAY": TODAY.isoformat(),
    }
    return Command(["import", "calls", *map(str, arguments)], environment, tmp_path / f"said-{number}.txt")


def owed() -> object:
    db.session.rollback()
    of_calls = select(func.sum(BalanceEntry.amount)).where(BalanceEntry.source == EntrySource.CALLS)
    return db.session.scalar(of_calls)


def test_a_command_killed_between_taking_in_and_moving_counts_nothing_twice_and_the_next_one_moves(
    inbox, portal, tmp_path, monkeypatch
):
    """Killed: as if the process were gone at the moment at which it would move the file."""
    put(inbox, "night.csv", calls("a"))
    done = tmp_path / "done"
    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "move", lambda *_: os._exit(9))
        db.session.commit()
        db.engine.dispose()
        pid = os.fork()
        if pid == 0:
            CliRunner().invoke(cli.main, ["import", "calls", str(inbox), "--done", str(done)])
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert stored() == 2 and names(inbox) == ["night.csv"]
    answer = portal(inbox, "--done", done)
    assert answer.exit_code == 0 and "passed over: imported before" in answer.output, answer.output
    assert stored() == 2 and owed() == -2 and names(done) == ["night.csv"] and len(imports()) == 1


@pytest.mark.slow
def test_a_folder_whose_command_is_killed_again_and_again_ends_with_each_call_once(
    app, inbox, portal, tmp_path
):
    files, each = 6, 3_000
    for number in range(files):
        put(inbox, f"{number}.csv", calls(f"n{number}", each, "0.01"))
    done, exits, random = tmp_path / "done", [], Random(3)
    db.session.commit()
    while len(names(done)) < files:
        at_work = command(app, tmp_path, 0, inbox, "--done", done)
        time.sleep(random.uniform(0.1, 0.4 + len(exits) / 10))
        at_work.kill()
        exits.append(at_work.ended(PATIENCE))
        db.session.rollback()
        # Whoever goes silent is taken for killed after a minute: a minute passes.
        for import_ in db.session.scalars(select(CallImport).where(CallImport.state == ImportState.RUNNING)):
            import_.heartbeat_at -= LONG_AGO
        db.session.commit()
        assert len(exits) < 100, at_work.says.read_text()
    assert -SIGKILL in exits
    assert stored() == files * each and owed() == -files * each // 100
    assert names(inbox) == [] and names(done) == [f"{number}.csv" for number in range(files)]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_commands_on_one_folder_at_once_take_each_call_in_once_and_move_each_file_once(
    app, inbox, tmp_path, processes
):
    files, each = 8, 500
    for number in range(files):
        put(inbox, f"{number}.csv", calls(f"n{number}", each, "0.01"))
    put(inbox, "odd.csv", [ODD], ODD_HEAD)
    done = tmp_path / "done"
    db.session.commit()
    at_work = [command(app, tmp_path, number, inbox, "--done", done) for number in range(processes)]
    for one in at_work:
        assert one.ended(PATIENCE) in (0, 1), one.says.read_text()
        assert "Traceback" not in one.says.read_text()
    assert stored() == files * each and owed() == -files * each // 100
    assert names(done) == [f"{number}.csv" for number in range(files)] and names(inbox) == ["odd.csv"]
    assert sorted(imports()) == [
        *((f"{number}.csv", "done") for number in range(files)),
        ("odd.csv", "stopped"),
    ]


@pytest.mark.slow
def test_a_command_that_is_told_to_stop_leaves_a_folder_to_the_next_one(app, inbox, portal, tmp_path):
    lines = 60_000
    put(inbox, "a.csv", calls("a", lines, "0.01"))
    put(inbox, "b.csv", calls("b"))
    db.session.commit()
    at_work = command(app, tmp_path, 0, inbox, "--done", tmp_path / "done")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        db.session.rollback()
        with reading():
            lines_done = db.session.scalar(select(func.max(CallImport.lines_done))) or 0
        db.session.rollback()
        if lines_done or not at_work.is_running:
            break
        time.sleep(0.002)
    at_work.stop()
    assert at_work.ended(PATIENCE) == 3, at_work.says.read_text()
    assert "the next time goes on with it" in at_work.says.read_text()
    assert "b.csv: left: the command was stopped before it." in at_work.says.read_text()
    import_ = db.session.scalars(select(CallImport)).one()
    import_.heartbeat_at -= LONG_AGO
    answer = portal(inbox, "--done", tmp_path / "done")
    assert answer.exit_code == 0, answer.output
    assert stored() == lines + 2 and names(tmp_path / "done") == ["a.csv", "b.csv"]


def test_a_file_that_was_taken_back_is_not_taken_from_its_folder_again_unless_it_is_named(inbox, portal):
    path = put(inbox, "wrong.csv", calls("wrong"))
    assert portal(inbox).exit_code == 0
    undone(db.session.scalars(select(CallImport)).one())
    night = portal(inbox)
    assert night.exit_code == 0 and "of it is undone" in night.output, night.output
    assert not db.session.scalar(select(func.count(Call.id)))
    assert portal(path).exit_code == 0
    assert db.session.scalar(select(func.count(Call.id))) == 2
