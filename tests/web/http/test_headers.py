"""What the browser is told to refuse, with every answer; and static files under hashed names."""

import gzip
import re

import brotli
import pytest

from portal.config import ROOT
from portal.models import Company
from portal.web.http.headers import CSP
from portal.web.http.static import Copies
from tests import trade


@pytest.mark.parametrize("path", ["/", "/login", "/health", "/nowhere", "/static/css/tokens.css"])
def test_every_answer_forbids_what_the_portal_never_does(client, path):
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == CSP
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/", "/account", "/account/password", "/account/backup-codes"])
def test_pages_are_kept_by_no_browser(client, anonymous, path):
    assert client.get(path).headers["Cache-Control"] == "no-store"
    assert anonymous.get("/login").headers["Cache-Control"] == "no-store"


def test_whatever_holds_data_is_kept_by_no_browser(session, client):
    """Summaries as files, files for spreadsheets, logos: not pages alone."""
    acme = trade.a_customer("Acme")
    where = f"/customers/{acme.id}/summary"
    for path in (where, f"{where}.pdf", "/nowhere", "/settings/logo.png"):
        if path == "/settings/logo.png":
            session.get_one(Company, 1).logo = b"a picture"
        answer = client.get(path)
        assert answer.status_code == (404 if path == "/nowhere" else 200), path
        assert answer.headers["Cache-Control"] == "no-store", path


TAKEN = {"Accept-Encoding": "gzip, deflate, br"}
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "asked", [OURS, {"Sec-Fetch-Site": "none"}, {"Referer": "http://localhost/packages?q=a"}]
)
@pytest.mark.parametrize(
    ("takes", "way", "unpack"),
    [
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip, deflate", "gzip", gzip.decompress),
        ("gzip;q=1.0, br;q=0", "gzip", gzip.decompress),
    ],
)
def test_a_page_goes_over_the_wire_compressed_and_says_the_same(client, asked, takes, way, unpack):
    client.get("/packages")  # the session's first page
    plain = client.get("/packages")
    packed = client.get("/packages", headers={"Accept-Encoding": takes, **asked})
    assert packed.headers["Content-Encoding"] == way
    assert packed.headers["Vary"] == plain.headers["Vary"]
    assert {"Accept-Encoding", "Sec-Fetch-Site", "Referer"} <= set(plain.headers["Vary"].split(", "))
    assert unpack(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2


@pytest.mark.parametrize("takes", ["", "deflate", "identity", "gzip;q=0, br;q=0"])
def test_a_browser_that_takes_a_page_only_as_it_is_gets_it_so(client, takes):
    answer = client.get("/packages", headers={"Accept-Encoding": takes, **OURS})
    assert "Content-Encoding" not in answer.headers and answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Referer": "http://localhost/packages"},
        {"Referer": "http://evil.example/http://localhost/"},
        {"Referer": "http://localhost@evil.example/"},
        {"Referer": "http://localhost.evil.example/"},
        {"Referer": "http://[::1"},
    ],
)
def test_what_another_site_may_have_asked_for_is_not_compressed(client, asked):
    """How long it were would tell something of a secret in it."""
    answer = client.get("/packages", headers={**TAKEN, **asked})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/packages", "/customers", "/charges", "/settings"])
def test_a_first_view_is_under_60_kb_over_the_wire(session, client, path):
    for number in range(60):
        trade.a_customer(f"Customer {number}")
    taken = {**TAKEN, **OURS}
    page = client.get(path, headers=taken)
    html = brotli.decompress(page.data).decode()
    parts = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', html))
    assert len(parts) >= 8
    assert len(page.data) + sum(len(client.get(part, headers=taken).data) for part in parts) < 60_000


def test_static_files_are_kept_for_ever_under_the_hash_of_their_content(anonymous):
    found = re.search(r'href="(/static/css/tokens\.[0-9a-f]{12}\.css)"', anonymous.get("/login").text)
    response = anonymous.get(found[1], headers={"Accept-Encoding": "gzip, br"})
    assert response.status_code == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Encoding"] in ("br", "gzip")
    assert response.headers["Content-Security-Policy"] == CSP


def test_a_style_sheet_refers_to_hashed_copies(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "css").mkdir(parents=True)
    (source / "dot.svg").write_text("<svg/>")
    (source / "css" / "a.css").write_text(
        'a { background: url("../dot.svg#x") } b { background: url(data:,) }'
    )
    copies = Copies(source, target)
    text = (target / copies.names["css/a.css"]).read_text()
    assert f'url("../{copies.names["dot.svg"]}#x")' in text
    assert "url(data:,)" in text


def test_every_static_file_has_a_copy(tmp_path):
    copies = Copies(ROOT / "static", tmp_path)
    assert all((tmp_path / hashed).is_file() for hashed in copies.names.values())
