"""Lists in pages, printed: a first part has to say that it is one."""

import pytest

from portal.extensions import db
from tests.calling import a_file, a_line, taken_in
from tests.trade import a_customer


@pytest.mark.browser
def test_a_printed_page_of_bad_rows_says_that_it_is_a_first_part(app, live_server, page, tmp_path):
    with app.app_context():
        a_customer()
        db.session.commit()
        import_ = taken_in(
            a_file(
                tmp_path,
                [a_line(f"c{n}", "2026-11-09 10:00:00", 60, "1", customer="Nobody") for n in range(77)],
            )
        )
        path = f"/calls/{import_.id}"
    page.goto(live_server + path if isinstance(live_server, str) else path)
    page.emulate_media(media="print")
    text = page.inner_text("main")
    assert page.locator("main tbody tr").count() == 50
    assert "50 of 77" in text or "1 to 50" in text or "first 50" in text, text[-400:]
