"""Calls in the pages: files sent, mapped and mended; a customer's calls, minimum and free minutes."""

import gzip
import re
from datetime import date, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Call, CallFile, CallFilePiece, CallImport, ImportState
from portal.services.calls import importing
from portal.tasks import processes, queue
from tests.calling import HEAD, a_file, a_line, accepted, half_in, taken_in
from tests.pages import error_at, page, part, words
from tests.trade import TODAY, a_customer, a_did, a_package, assigned

FIRST = date(2026, 11, 1)


@pytest.fixture(autouse=True)
def _today(app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())


def a_text(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *lines]).encode() + b"\n"


def send(client, content: bytes, name: str = "calls.csv", **more):
    return client.post(
        "/calls", data={"file": (BytesIO(content), name), **more}, content_type="multipart/form-data"
    )


def taken_up(client, answer) -> str:
    """A file that was sent, and has been looked at, taken in; the address of its import."""
    assert answer.status_code == 303
    assert client.post(f"{answer.location}/resumption").status_code == 303
    return answer.location


def packed(name: str) -> bytes:
    """A ZIP archive with a file of that name in it."""
    with BytesIO() as out:
        with ZipFile(out, "w") as archive:
            archive.writestr(name, "x")
        return out.getvalue()


def kept() -> int:
    """How many files of imports the portal keeps."""
    pieces = db.session.scalar(select(func.count()).select_from(CallFilePiece))
    files = db.session.scalar(select(func.count(CallFile.id)))
    assert bool(pieces) == bool(files)
    return files


GOOD = a_line("a", "2026-11-03 10:00:00", 90, "2.50")
BAD = a_line("=b", "2026-11-03 10:00:00", 90, "2.50", customer="=cmd()")


def test_without_any_import_the_page_says_what_belongs_there(client):
    soup = page(client.get("/calls"))
    assert "No calls have been imported yet." in words(soup.main)
    assert soup.select_one("nav a[aria-current=page]").text.strip() == "Calls"


def test_a_small_file_is_looked_at_and_then_imported_while_one_waits(session, client):
    a_customer()
    answer = send(client, gzip.compress(a_text(GOOD, BAD)), "../up/calls.csv.gz")
    soup = page(client.get(answer.location))
    assert words(soup.h1) == "calls.csv.gz"
    text = words(soup.main)
    assert "to be looked at" in text and "Northwind Telecom 1 2.50" in text and "1 row" in text
    assert not session.scalar(select(func.count(Call.id))) and kept() == 1
    session.rollback()
    soup = page(client.get(taken_up(client, answer)))
    assert "imported" in words(soup.main) and "The call id =b is a formula." in words(soup.main)
    assert "Call id from call id" in words(soup.main)
    assert session.scalar(select(func.count(Call.id))) == 1
    assert not kept()
    assert "calls.csv.gz" in words(page(client.get("/calls")).main)


def test_bad_rows_are_downloaded_harmless_to_be_mended_and_sent_again(session, client):
    a_customer()
    location = taken_up(client, send(client, a_text(GOOD, BAD, a_line("c", "2026-11-03 10:00:00", 90, "-2"))))
    answer = client.get(f"{location}/bad-rows.csv")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    lines = answer.text.splitlines()
    assert lines[0] == "\ufeffline,reason,call id,customer,did,destination,start time,seconds,charge,cost"
    assert lines[1].startswith("3,The call id =b is a formula.,'=b,'=cmd(),")
    mended = answer.text.replace("'=b,'=cmd()", "b,Northwind Telecom").replace("-2", "2")
    again = client.get(taken_up(client, send(client, mended.encode())))
    assert session.scalar(select(func.count(Call.id))) == 3
    assert "none" in words(page(again).main)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "The file is empty.", id="empty"),
        pytest.param(gzip.compress(a_text(GOOD) * 50)[:-30], "incomplete or damaged", id="half-written gzip"),
        pytest.param(b"PK\x03\x04xx", "ZIP archive", id="an archive"),
        pytest.param(packed("xl/workbook.xml"), "an Excel workbook", id="a workbook"),
        pytest.param(packed("mimetype"), "a spreadsheet (OpenDocument)", id="an open document"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_at_its_field(session, client, content, sentence):
    soup = page(send(client, content), 422)
    assert sentence in error_at(soup, "file")
    assert not session.scalar(select(func.count(CallImport.id)))
    assert not kept()


def test_no_file_at_all_is_refused_at_its_field(client):
    assert "Choose a file" in error_at(page(client.post("/calls", data={}), 422), "file")


def test_columns_that_nobody_knows_are_mapped_by_hand_and_then_imported(session, client):
    a_customer()
    answer = send(
        client, a_text("r1,Northwind Telecom,2026-11-03 10:00:00,2", head="ref,who,when was it,pounds")
    )
    assert answer.location.endswith("/columns")
    soup = page(client.get(answer.location))
    assert "ref: r1" in words(soup.select_one("select[name=call_id]"))
    chosen = {"customer": 1, "started_at": 2}
    assert "that there is none" in error_at(page(client.post(answer.location, data=chosen), 422), "call_id")
    chosen["call_id"] = 0
    assert "Choose the column" in error_at(page(client.post(answer.location, data=chosen), 422), "amount")
    assert "list" in error_at(page(client.post(answer.location, data=chosen | {"amount": 77}), 422), "amount")
    tried = page(client.get(answer.location, query_string=chosen | {"amount": 3, "heading": 1}))
    assert "Northwind Telecom" in words(tried.select_one("section[aria-labelledby=first-rows]"))
    done = client.post(answer.location, data=chosen | {"amount": 3})
    assert "imported" in words(page(client.get(taken_up(client, done))).main)
    assert session.scalar(select(func.count(Call.id))) == 1
    assert client.get(answer.location).status_code == 303


def test_the_columns_of_a_file_that_was_looked_at_are_changed_beginning_with_those_it_was_read_by(
    session, client
):
    a_customer()
    looked_at = send(client, a_text(a_line("a", "2026-11-03 10:00:00", 90, "2", cost="3"))).location
    soup = page(client.get(looked_at))
    assert "Northwind Telecom 1 2.00" in words(soup.main)
    (link,) = (one["href"] for one in soup.select("a") if words(one) == "Change the columns")
    form = page(client.get(link)).select_one("#layout")
    chosen = {
        one["name"]: one.select_one("[selected]")["value"] for one in form.select("select:has([selected])")
    }
    assert [chosen[name] for name in ("call_id", "customer", "amount", "cost")] == ["0", "1", "6", "7"]
    again = client.post(link, data=chosen | {"amount": 7, "cost": 6})
    assert "Northwind Telecom 1 3.00" in words(page(client.get(again.location)).main)
    taken_up(client, again)
    assert session.scalar(select(Call.amount)) == 3
    assert client.get(link).status_code == 303, "its import has begun"
    assert client.post(link, data=chosen).status_code == 303


def test_a_large_file_is_handed_on_and_its_page_says_for_what_it_waits(session, client, monkeypatch):
    started = []
    monkeypatch.setattr(importing, "SMALL", 0)
    monkeypatch.setattr(processes, "start", lambda name, **which: started.append((name, which)))
    a_customer()
    location = taken_up(client, send(client, a_text(GOOD)))
    handed_on = started or [(job.name, job.arguments) for job in queue.waiting("import_calls")]
    assert handed_on == [("import_calls", {"import_id": int(location.rsplit("/", 1)[1])})]
    said = words(page(client.get(location)).main)
    assert ("none is running. It begins once" in said) == queue.is_there()


def test_the_line_that_names_the_columns_is_chosen(session, client):
    """Behind a title that looks like names; and where none does, columns are numbered."""
    a_customer()
    answer = send(
        client,
        a_text("ref,who,when was it,pounds", "r1,Northwind Telecom,2026-11-03,2", head="our,own,report,x"),
    )
    assert "our: ref" in words(page(client.get(answer.location)).select_one("select[name=call_id]"))
    soup = page(client.get(answer.location, query_string={"heading": 2}))
    assert "ref: r1" in words(soup.select_one("select[name=call_id]"))
    numbered = page(client.get(answer.location, query_string={"heading": 0}))
    assert "Column 1: our" in words(numbered.select_one("select[name=call_id]"))
    assert "our: ref" in words(page(client.get(answer.location, query_string={"heading": 99})).main)
    chosen = {"heading": 2, "call_id": 0, "customer": 1, "started_at": 2, "amount": 3}
    taken_up(client, client.post(answer.location, data=chosen))
    assert session.scalars(select(Call.call_id)).all() == ["r1"]


def test_bad_rows_of_one_reason_are_one_line_with_a_count(session, client):
    a_customer()
    lines = [a_line(f"c{n}", "2026-11-03 10:00:00", 60, "1", customer="Nobody") for n in range(30)]
    odd = [a_line(f"d{n}", f"then {n}", 60, "1") for n in range(20)]
    location = taken_up(client, send(client, a_text(*lines, *odd)))
    soup = page(client.get(location))
    section = words(soup.select_one("section[aria-labelledby=bad-rows]"))
    assert "30 rows : There is no customer Nobody" in section.replace("rows:", "rows :")
    assert "20 rows : Start time cannot be read." in section.replace("rows:", "rows :")
    assert "then 0" in section and "then 19" not in section
    of_reason = soup.select("section[aria-labelledby=bad-rows] a")[1]["href"]
    assert "then 19" in words(page(client.get(of_reason)).main)


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        (a_line("a", "2026-11-03 10:00:00", 0, ""), "nothing imported"),
        (a_line("b", "then", 60, "1"), "nothing imported"),
        (GOOD, "nothing new"),
    ],
)
def test_a_result_with_nothing_taken_in_is_not_green(session, client, line, mark):
    a_customer()
    taken_up(client, send(client, a_text(GOOD)))
    soup = page(client.get(taken_up(client, send(client, a_text(line)))))
    assert mark in words(soup.main) and not soup.select("main .mark--posted")
    assert "Nothing of calls.csv was imported." in words(soup.select_one("#toasts"))


def test_an_import_can_be_stopped_and_continued(session, client, tmp_path):
    a_customer()
    import_ = accepted(a_file(tmp_path, [GOOD]), now=importing_now())
    session.commit()
    assert client.post(f"/calls/{import_.id}/resumption").status_code == 409
    assert "0 of 1 line" in words(
        part(client.get(f"/calls/{import_.id}/progress", headers={"HX-Request": "true"}))
    )
    assert client.post(f"/calls/{import_.id}/stop").status_code == 303
    soup = page(client.get(f"/calls/{import_.id}"))
    assert "to be looked at" in words(soup.main)
    client.post(f"/calls/{import_.id}/resumption")
    assert session.get_one(CallImport, import_.id, populate_existing=True).state == ImportState.DONE
    assert client.post(f"/calls/{import_.id}/resumption").status_code == 409
    client.post(f"/calls/{import_.id}/stop")
    soup = page(client.get(f"/calls/{import_.id}"))
    assert "Nothing was stopped" in words(soup.select_one("#toasts"))


def test_how_fast_an_import_is_and_how_long_it_still_takes_is_told_and_how_to_look_again(
    session, client, tmp_path
):
    lines = [a_line(f"c{n}", "2026-11-03 10:00:00", 60, "1") for n in range(3_000)]
    import_ = accepted(a_file(tmp_path, lines), now=importing_now() - timedelta(seconds=100))
    import_.heartbeat_at = importing_now()
    import_.lines_done, import_.bytes_done = 1_000, import_.bytes_total // 3
    session.commit()
    shown = words(page(client.get(f"/calls/{import_.id}")).main)
    # By now the hundred seconds may be a few more.
    assert re.search(
        r"1,000 of 3,000 lines, 0 calls imported (9|10) lines a second, about [34] minutes left", shown
    )
    assert (
        "You can leave this page and come back to it" in shown and "loaded again every two seconds" in shown
    )
    import_.bytes_done = import_.bytes_total
    session.commit()
    assert "Updating free minutes and balances" in words(page(client.get(f"/calls/{import_.id}")).main)


def importing_now():
    from portal.clock import now

    return now()


def test_a_viewer_sees_imports_and_changes_nothing(session, as_viewer):
    a_customer()
    assert not page(as_viewer.get("/calls")).select("form[action='/calls']")
    assert send(as_viewer, a_text(GOOD)).status_code == 403


# -- a file that waits


ODD = a_text("r1,Northwind Telecom,2026-11-03 10:00:00,2", head="ref,who,when was it,pounds")


def test_the_same_file_sent_twice_waits_once(session, client):
    a_customer()
    for content in (ODD, a_text(GOOD)):
        first, again = send(client, content), send(client, gzip.compress(content), "again.csv.gz")
        assert first.location == again.location
        soup = page(client.get(again.location))
        assert "The same file was waiting already: it is import" in words(soup.select_one("#toasts"))
    assert session.scalar(select(func.count(CallImport.id))) == 2 and kept() == 2
    session.rollback()
    described = send(client, a_text(GOOD), by_hand="y")
    assert described.location == f"{again.location}/columns", "sent again, to be described"
    assert kept() == 2


def test_a_file_sent_once_more_to_replace_calls_is_another_one(session, client):
    a_customer()
    first, second = send(client, a_text(GOOD)), send(client, a_text(GOOD), replaces="y")
    assert first.location != second.location and kept() == 2


@pytest.mark.parametrize("content", [ODD, a_text(GOOD)], ids=["for its layout", "for a look"])
def test_a_file_that_waits_is_discarded_by_page(session, client, as_viewer, content):
    a_customer()
    url = send(client, content).location.removesuffix("/columns")
    shown = page(client.get(url))
    assert "Nothing of calls.csv has been imported" in words(shown.select_one("details:has(#discard)"))
    assert not page(as_viewer.get(url)).select("#discard")
    assert as_viewer.post(f"{url}/discard").status_code == 403
    assert client.post(f"{url}/discard").location == "/calls"
    shown = page(client.get(url))
    assert "Discarded by owner@" in words(shown.main) and "discarded" in words(shown.main)
    assert not kept() and not shown.select("#discard")
    again = page(client.post(f"{url}/discard"), 409)
    assert "calls.csv has already been discarded." in words(again.main)
    assert again.select_one(f"main a[href='{url}']")
    assert "discarded" in words(page(client.get("/calls")).main)


def test_a_file_of_which_something_is_imported_is_not_discarded(session, client, tmp_path):
    a_customer()
    url = taken_up(client, send(client, a_text(GOOD)))
    assert "has already been imported" in words(page(client.post(f"{url}/discard"), 409).main)
    half = half_in(a_file(tmp_path, [a_line("x", "2026-11-03 10:00:00", 9, "1"), GOOD], name="half.csv"))
    url = f"/calls/{half.id}"
    assert not page(client.get(url)).select("#discard")
    assert "half.csv is half imported. Continue the import." in words(
        page(client.post(f"{url}/discard"), 409).main
    )
    going = accepted(
        a_file(tmp_path, [a_line("y", "2026-11-03 10:00:00", 9, "1")], name="going.csv"), now=importing_now()
    )
    session.commit()
    refused = page(client.post(f"/calls/{going.id}/discard"), 409)
    assert "going.csv is being imported." in words(refused.main)
    assert session.scalar(select(func.count(Call.id))) == 2


def test_bad_rows_wait_until_somebody_says_that_they_are_dealt_with(session, client, as_viewer):
    a_customer()
    url = taken_up(client, send(client, a_text(GOOD, BAD)))
    named = "bad rows 1 row of calls.csv was not imported."
    assert named in words(page(client.get("/")).main)
    assert not page(as_viewer.get(url)).select("#dealt-with")
    assert as_viewer.post(f"{url}/bad-rows/dealt-with").status_code == 403
    assert page(client.get(url)).select("#dealt-with")
    assert client.post(f"{url}/bad-rows/dealt-with").status_code == 303
    shown = page(client.get(url))
    assert "Marked as dealt with by owner@" in words(shown.main) and not shown.select("#dealt-with")
    assert "bad rows 1 row" not in words(page(client.get("/")).main)
    without = taken_up(client, send(client, a_text(a_line("c", "2026-11-03 10:00:00", 9, "1"))))
    refused = page(client.post(f"{without}/bad-rows/dealt-with"), 409)
    assert "calls.csv has no bad rows that wait." in words(refused.main)
    assert refused.select_one(f"main a[href='{without}']")


def test_bad_rows_of_a_file_that_is_imported_again_wait_once(session, client):
    url = taken_up(client, send(client, a_text(GOOD)))
    assert page(client.get("/")).select(f".todo__act a[href='{url}']")
    again = taken_up(client, send(client, a_text(GOOD)))
    named = page(client.get("/")).select(".todo__act a[href^='/calls/']")
    assert [link["href"] for link in named] == [again]
    a_customer()
    session.commit()
    taken_up(client, send(client, a_text(GOOD)))
    assert not page(client.get("/")).select(".todo a[href^='/calls/']"), "imported again, all of it"


def test_the_calls_of_a_customer_by_day_and_destination_and_each(session, client, tmp_path):
    customer = a_customer()
    did = a_did(customer)
    taken_in(
        a_file(
            tmp_path,
            [
                a_line("a", "2026-11-03 10:00:00", 60, "2", did=did.number, destination="33199009999"),
                a_line("b", "2026-11-04 10:00:00", 3661, "1.125"),
                a_line("old", "2026-01-04 10:00:00", 60, "9"),
            ],
        )
    )
    url = f"/customers/{customer.id}/calls"
    soup = page(client.get(url))
    text = words(soup.main)
    assert "France (+33)" in text and "United Kingdom (+44)" in text and "3.13" in text and "1:01:01" in text
    assert "old" not in text
    assert "old" in words(page(client.get(url + "?from=2026-01-01")).main)
    found = words(part(client.get(url + "?q=%2B33", headers={"HX-Request": "true"})))
    assert "France" in found and "United Kingdom" not in found
    assert "No call matches." in words(page(client.get(url + "?q=nothing")).main)
    assert "To is before From." in words(page(client.get(url + "?from=2026-11-05&to=2026-11-01")).main)
    assert client.get("/customers/99999/calls").status_code == 404


def test_assigning_a_second_bundle_points_out_the_first(session, client):
    customer, package = a_customer(), a_package("100 Minutes", minutes=True)
    assigned(package, customer, FIRST, minutes=100)
    other = a_package("More Minutes", minutes=True)
    session.commit()
    asked = {"package": other.id, "quantity": 1, "start_date": TODAY.isoformat(), "minutes": 50}
    text = words(page(client.get(f"/customers/{customer.id}/assignments/new", query_string=asked)).main)
    assert "100 Minutes, assigned since 1 November 2026, covers some of the same calls." in text


def test_the_customers_page_says_what_is_spent_of_the_minimum_and_used_of_the_minutes(
    session, client, tmp_path
):
    customer = a_customer()
    assigned(a_package("Commitment 150", "150", minimum_spend=True), customer, FIRST)
    assigned(a_package("100 Minutes", minutes=True), customer, FIRST, minutes=100)
    taken_in(a_file(tmp_path, [a_line("a", "2026-11-05 10:00:00", 12_000, "177.60")]))
    text = words(page(client.get(f"/customers/{customer.id}/next-charges")).main)
    # Half of the call is free: 88.80 is spent.
    assert "88.80 of 150.00 GBP spent, 8 days left" in text
    assert "If nothing more is spent, 61.20 is charged on 1 Dec" in text
    assert "Used / Total: 100 / 100 minutes, 0 left" in text


def test_an_overlap_of_bundles_is_told_after_assigning_too(session, client):
    customer, package = a_customer(), a_package("100 Minutes", minutes=True)
    assigned(package, customer, FIRST, minutes=100)
    other = a_package("More Minutes", minutes=True)
    session.commit()
    form = {"package": other.id, "quantity": 1, "start_date": TODAY.isoformat(), "minutes": 50, "token": "t"}
    answer = client.post(f"/customers/{customer.id}/assignments", data=form)
    told = words(page(client.get(answer.location)).select_one("#toasts"))
    assert (
        "Assigned More Minutes to" in told
        and "100 Minutes, assigned since 1 November 2026, covers some" in told
    )


@pytest.mark.parametrize("noun", ["customers", "dids"])
@pytest.mark.parametrize("clicks", [1, 2])
def test_an_overlap_of_bundles_is_told_before_and_after_assigning_to_many(session, client, noun, clicks):
    """Whose, and with what; a second click, which finds what the first one assigned, is told the same."""
    acme, globex = a_customer("Acme"), a_customer("Globex")
    assigned(a_package("100 Minutes", minutes=True), acme, FIRST, minutes=100)
    other = a_package("More Minutes", minutes=True)
    chosen = [acme, globex] if noun == "customers" else [a_did(acme), a_did(globex, "+442079460199")]
    session.commit()
    form = {
        "ids": [one.id for one in chosen], "package": other.id, "quantity": 1, "start_date": TODAY.isoformat(),
        "minutes": 50, "token": "t", "twice": "1",
    }  # fmt: skip
    first = "The DID's minutes are" if noun == "dids" else "The one whose period ends earlier is"
    told = f"100 Minutes, assigned since 1 November 2026, covers some of the same calls. {first} used first."
    whose = "Acme" if noun == "customers" else "+44 20 7946 0123"
    draft = words(page(client.post(f"/assignments/many/{noun}/draft", data=form)).select_one("#draft"))
    assert f"{whose}: {told}" in draft and draft.count("some of the same calls.") == 1
    for _ in range(clicks):
        soup = page(client.post(f"/assignments/many/{noun}/assign", data=form))
    after = words(soup.main)
    assert f"{whose}: {told}" in after and after.count("some of the same calls.") == 1
    assert "not assigned" not in after
    assert f"Assigned to 2 of 2 {'customers' if noun == 'customers' else 'DIDs'}" in words(soup.h1)
