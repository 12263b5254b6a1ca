"""The lines of a file, kept for whoever goes on with its import: whole or not at all, read from anywhere, let go."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from portal.database import Failure, kind_of
from portal.domain.errors import Invalid
from portal.extensions import db
from portal.models import Call, CallFile, CallFilePiece, CallImport, ImportState
from portal.services.calls import keeping
from tests.calling import a_file, a_line, accepted, begun, carried_out, half_in, noon
from tests.trade import NOW, TODAY, a_customer

TEXT = Random(3).randbytes(1_000)


@pytest.fixture
def in_small_pieces(monkeypatch):
    """As a long file is kept: in many pieces, some of them committed at a time."""
    monkeypatch.setattr(keeping, "PIECE", 100)
    monkeypatch.setattr(keeping, "AT_ONCE", 3)


def kept(content, **said):
    file_id = keeping.keep(BytesIO(content), sha256(content).hexdigest(), said.get("now", NOW))
    db.session.commit()
    return file_id


def pieces():
    return db.session.scalar(select(func.count()).select_from(CallFilePiece))


def files():
    return db.session.scalar(select(func.count(CallFile.id)))


def test_what_was_kept_is_read_from_wherever_one_left_off(session, in_small_pieces):
    kept(b"another file")
    file_id = kept(TEXT)
    assert pieces() == 11
    for position in (0, 1, 99, 100, 101, 555, 999, 1_000):
        file = keeping.opened(file_id)
        file.seek(position)
        assert file.read(250) == TEXT[position : position + 250]
        assert file.read() == TEXT[position + 250 :]


def test_a_file_that_was_let_go_is_read_by_nobody_and_leaves_nothing(session, in_small_pieces):
    file_id, other = kept(TEXT), kept(b"another file")
    keeping.let_go(file_id)
    with pytest.raises(keeping.NotKept):
        keeping.opened(file_id).read()
    assert keeping.opened(other).read() == b"another file"
    assert files() == pieces() == 1


@pytest.mark.parametrize("content", [TEXT[:150], TEXT], ids=["short", "long"])
def test_a_file_that_changes_while_it_is_read_is_refused_and_not_kept(session, in_small_pieces, content):
    with pytest.raises(Invalid, match="The file changed while it was read"):
        keeping.keep(BytesIO(content), sha256(TEXT[:-1]).hexdigest(), NOW)
    assert not files() and not pieces()


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize("is_long", [False, True])
def test_of_a_file_for_which_the_disk_has_no_room_nothing_is_kept(session, tmp_path, is_long, monkeypatch):
    """SQLite says so of a file that may not grow, as it does of a disk that is full."""
    monkeypatch.setattr(keeping, "PIECE", 4_096)
    monkeypatch.setattr(keeping, "AT_ONCE", 4 if is_long else 1_000)
    draw = Random(5)
    path = a_file(tmp_path, [a_line(draw.randbytes(40).hex(), noon(TODAY), 60, "1") for _ in range(3_000)])
    connection = session.connection()
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    most = connection.exec_driver_sql("PRAGMA max_page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 30}")
    try:
        with pytest.raises(OperationalError) as refused:
            accepted(path)
        assert kind_of(refused.value) is Failure.FULL
        assert not files() and not pieces() and not session.scalar(select(func.count(CallImport.id)))
    finally:
        session.connection().exec_driver_sql(f"PRAGMA max_page_count={most}")


def test_what_somebody_left_who_was_killed_is_swept_after_a_day_and_nothing_else(
    session, tmp_path, in_small_pieces
):
    a_customer()
    lines = [a_line(f"c{n}", noon(TODAY), 60, "1") for n in range(20)]
    half = half_in(a_file(tmp_path, lines))
    kept(TEXT)
    assert keeping.sweep(NOW + timedelta(hours=23)) == 0
    assert keeping.sweep(NOW + timedelta(hours=25)) == 1
    assert files() == 1 and half.file_id is not None
    half.state = ImportState.RUNNING
    session.commit()
    assert carried_out(half).taken_count == 20


def test_an_import_lets_go_of_its_file_once_it_is_done(session, tmp_path, in_small_pieces):
    a_customer()
    lines = [a_line(f"c{n}", noon(TODAY), 60, "1") for n in range(20)]
    import_ = begun(a_file(tmp_path, lines, name="calls.csv.gz"))
    assert import_.bytes_total > 1_000 and pieces() > 10
    done = carried_out(import_, size=7)
    assert (done.state, done.file_id, files(), pieces()) == (ImportState.DONE, None, 0, 0)
    assert session.scalar(select(func.count(Call.id))) == 20


def test_whoever_is_overtaken_by_one_who_ends_the_import_leaves_it_done(session, tmp_path, in_small_pieces):
    """Its lines are gone, for whoever was still reading them."""
    a_customer()
    import_ = begun(a_file(tmp_path, [a_line(f"c{n}", noon(TODAY), 60, "1") for n in range(30)]))
    overtaken = []

    def overtake(_import):
        if not overtaken:
            overtaken.append(True)
            assert carried_out(import_).state == ImportState.DONE

    found = carried_out(import_, size=2, say=overtake)
    assert (found.state, found.taken_count, found.lines_done) == (ImportState.DONE, 30, 30)
