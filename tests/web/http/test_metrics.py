"""What whoever watches over the portal is told in numbers, and who is told."""

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal import metrics
from portal.extensions import db
from tests import served, world
from tests.conftest import SQLITE
from tests.trade import TODAY, a_customer, a_package, assigned

TOKEN = "the-token-of-this-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SAMPLE = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", flags=re.M)


def read(text):
    """Each sample by its name and labels."""
    return {
        name + (f"{{{labels}}}" if labels else ""): float(value)
        for name, labels, value in SAMPLE.findall(text)
    }


@pytest.fixture
def watched(app, monkeypatch):
    monkeypatch.setitem(app.config, "METRICS_TOKEN", TOKEN)
    return app.test_client()


def test_without_a_token_in_the_settings_there_are_no_metrics(anonymous, client):
    for browser in (anonymous, client):
        for header in ({}, BEARER, {"Authorization": "Bearer "}):
            assert browser.get("/metrics", headers=header).status_code == 404


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer ", "Bearer another-token-altogether", f"Basic {TOKEN}", TOKEN,
                                  f"Bearer {TOKEN}x", "Bearer \xe9"])  # fmt: skip
def test_whoever_does_not_know_the_token_is_told_nothing(watched, said):
    answer = watched.get("/metrics", headers={"Authorization": said} if said else {})
    assert answer.status_code == 401 and "portal_" not in answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_they_are_told_under_any_name_without_a_session_or_a_page(watched):
    answer = watched.get("/metrics", headers={**BEARER, "Host": "10.0.0.7"})
    assert answer.status_code == 200 and answer.mimetype == "text/plain"
    assert "Set-Cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"
    assert watched.post("/metrics", headers=BEARER).status_code == 405
    assert watched.head("/metrics", headers=BEARER).data == b""


def test_requests_are_counted_by_the_rule_of_their_address_and_never_by_the_address(client, watched):
    name = 'portal_requests_total{method="GET",route="/customers/<int:customer_id>",status="404"}'
    before = read(watched.get("/metrics", headers=BEARER).text).get(name, 0)
    for number in (71, 72, 73):
        client.get(f"/customers/{number}").close()
    client.get("/a-page-that-nobody-has").close()
    text = watched.get("/metrics", headers=BEARER).text
    assert read(text)[name] == before + 3
    assert "nobody-has" not in text and 'route="none"' in text
    assert 'portal_request_seconds_count{route="/customers/<int:customer_id>"}' in read(text)


def test_what_waits_is_told_as_the_database_has_it(session, watched, app, monkeypatch):
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())
    assigned(a_package(match=()), a_customer(), TODAY)
    session.commit()
    found = read(watched.get("/metrics", headers=BEARER).text)
    assert found['portal_assignments{state="due"}'] == 1
    assert found["portal_database_up"] == found["portal_metrics_complete"] == 1


def test_while_the_database_is_away_what_is_counted_is_told_and_that_it_is_away(tmp_path):
    app = world.make_app(tmp_path, "postgresql+psycopg://portal@127.0.0.1:1/portal", METRICS_TOKEN=TOKEN)
    browser = app.test_client()
    browser.get("/health").close()
    answer = browser.get("/metrics", headers=BEARER)
    found = read(answer.text)
    assert answer.status_code == 200
    assert found["portal_database_up"] == found["portal_metrics_complete"] == 0
    assert found['portal_requests_total{method="GET",route="/health",status="200"}'] >= 1
    assert not [name for name in found if name.startswith("portal_assignments")]


@pytest.mark.only_on("postgresql")
def test_an_answer_that_takes_the_database_too_long_is_left_out_and_that_is_told(watched, app, monkeypatch):
    from sqlalchemy import text

    from portal.services.overview import gauges
    from portal.web.http import metrics as page

    def slow(*_):
        db.session.execute(text("SELECT pg_sleep(5)"))
        return []

    monkeypatch.setattr(gauges, "READ", (slow,))
    monkeypatch.setattr(page, "SECONDS", 1)
    found = read(watched.get("/metrics", headers=BEARER).text)
    assert (found["portal_database_up"], found["portal_metrics_complete"]) == (1, 0)


def test_what_can_be_counted_has_room_in_the_files_that_never_grow(app):
    """A process that writes into a file which a full disk cannot hold is killed."""
    routes = {rule.rule for rule in app.url_map.iter_rules()} | {
        "none",
        "/static/",
        "/health",
        "/ready",
        "/metrics",
    }
    entry = (
        16
        + 4
        + 8
        + len('["portal_requests", "portal_requests_total", {"method": "OPTIONS", "route": "", ')
        + len('"status": "500"}, "Requests answered, by the rule of their address"]')
    )
    letters = sum(map(len, routes))
    at_most_statuses = 12  # of one route, by all methods together: more than any has
    assert (letters + entry * len(routes)) * at_most_statuses < metrics.ROOM
    buckets = len(metrics.SECONDS) + 2
    assert (letters + entry * len(routes)) * buckets < metrics.ROOM


# -- several processes


@pytest.fixture
def serving(app, tmp_path):
    """Two processes that count together."""
    left = tmp_path / "instance" / "metrics" / "of-a-server-that-was-killed"
    left.mkdir(parents=True)
    for name in ("lock", "counter_0.db"):
        (left / name).touch()
    made = served.Served(
        tmp_path, app.config["SQLALCHEMY_DATABASE_URI"], PORTAL_METRICS_TOKEN=TOKEN, PORTAL_WORKERS="2"
    )
    made.folder = left.parent
    made.wait_for("/ready", 200)
    yield made
    made.end()


def scraped(serving):
    return read(serving.ask("/metrics", headers=BEARER).text)


def processes_of(serving):
    """The numbers of those that serve: the children of the one that was started."""
    pid = serving.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def counted(serving, requests):
    """What is told once so many requests are counted: each is so behind its answer, and its time behind that, which may
    be a moment later.
    """
    until = time.monotonic() + served.PATIENCE
    while True:
        found = scraped(serving)
        if min(found.get(COUNTED, 0), found.get(TIMED, 0)) >= requests or time.monotonic() > until:
            return found
        time.sleep(0.1)


COUNTED = 'portal_requests_total{method="GET",route="/login",status="200"}'
TIMED = 'portal_request_seconds_count{route="/login"}'


@pytest.mark.slow
@pytest.mark.only_on(SQLITE)  # what processes count, and where, knows of no database
def test_all_processes_of_a_server_count_together_and_nothing_is_lost_when_one_is_killed(serving):
    def ask_often(count):
        with ThreadPoolExecutor(4) as people:
            assert {answer.status for answer in people.map(serving.ask, ["/login"] * count)} == {200}

    assert serving.ask("/metrics").status == 401
    ask_often(20)
    found = counted(serving, 20)
    assert found[COUNTED] == 20 and found[TIMED] == 20
    assert found["portal_database_up"] == 1
    first, _ = processes_of(serving)
    os.kill(first, signal.SIGKILL)
    until = time.monotonic() + served.PATIENCE
    while len(now := set(processes_of(serving))) < 2 or first in now:
        assert time.monotonic() < until
        time.sleep(0.1)
    ask_often(20)
    assert counted(serving, 40)[COUNTED] == 40
    (folder,) = serving.folder.iterdir()
    assert len(list(folder.glob("*.db"))) == 4, (
        "one of each kind for each process, the new one in the place of the old"
    )


@pytest.mark.slow
@pytest.mark.only_on(SQLITE)
def test_what_a_killed_server_left_is_cleared_away_and_what_a_living_one_counts_in_is_not(
    serving, app, tmp_path
):
    assert "of-a-server-that-was-killed" not in [path.name for path in serving.folder.iterdir()]
    serving.ask("/login")
    other = served.Served(tmp_path, app.config["SQLALCHEMY_DATABASE_URI"], PORTAL_METRICS_TOKEN=TOKEN)
    other.wait_for("/ready", 200)
    assert len(list(serving.folder.iterdir())) == 2
    assert counted(serving, 1)[COUNTED] == 1
    assert COUNTED not in scraped(other)
    other.end()
    assert len(list(serving.folder.iterdir())) == 1
    serving.end()
    assert list(serving.folder.iterdir()) == []


ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from portal import metrics

shared = metrics.Shared(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (metrics.ROOM // 2, metrics.ROOM // 2))
try:
    shared.reserve(set())
except OSError:
    shared.count_in("")
metrics.counts().take("/login", "GET", 200, 0.1)
print(sorted(path.name for path in shared.folder.iterdir()))
"""


def test_where_the_disk_has_no_room_a_process_counts_for_itself_and_leaves_no_file(tmp_path):
    """The room of a file stands for that of the disk: what is mapped into memory must not be without either."""
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "['lock']\n"), done.stderr
