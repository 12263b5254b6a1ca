"""One PostgreSQL server with all customers, beside two with half of them each (tests/two_servers.py)."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from flask import Flask
from sqlalchemy import Connection, create_engine, make_url, text

from benchmarks import workers
from benchmarks.runs import as_in_life
from benchmarks.table import duration, show
from portal.extensions import db
from tests import chaos, two_servers

Line = tuple[str, int, float]


def measure(assignments: int) -> None:
    """Post a month of a portfolio: on one server by one worker and by two, and on two servers by one worker each."""
    if (at := two_servers.programs()) is None:
        needs = f"PostgreSQL with {two_servers.EXTENSION} (Debian: apt install postgresql)"
        print(f"  Two servers were not measured: there is no {needs}.", flush=True)
        return
    with TemporaryDirectory(prefix="portal-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with two_servers.servers(folder, at) as urls:
            found = list(_measured(folder, urls, assignments))
    rows = [(words, f"{count:,}", duration(took)) for words, count, took in found]
    show(f"Servers, {assignments:,} assignments as in life", ("what", "charges", "time"), rows)


def _measured(folder: Path, urls: Sequence[str], assignments: int) -> Iterator[Line]:
    with ExitStack() as stack:
        parts = []
        for number, url in enumerate(urls):
            (folder / f"part-{number}").mkdir()
            parts.append(stack.enter_context(chaos.an_empty_portal(folder / f"part-{number}", url, "part")))
        with chaos.an_empty_portal(folder, urls[0], "whole") as whole:
            as_in_life(assignments)
            two_servers.divide(whole, parts)
        _copy(urls[0], "whole", "again")
        for count, name in enumerate(("whole", "again"), 1):
            with chaos.app_on(folder, urls[0], name).app_context() as context:
                yield f"one server, {count} worker{'s' * (count > 1)}", *_posted([context.app], folder, count)
        yield "two servers, 1 worker each", *_posted(parts, folder, 1)
        with chaos.app_on(folder, urls[0], "whole").app_context():
            yield "sums and lists, one server", *_answered(db.session.connection())
            db.session.remove()
            db.engine.dispose()
        with two_servers.reader(urls[0]) as reading:
            two_servers.read_across(reading, [part.config["SQLALCHEMY_DATABASE_URI"] for part in parts])
            yield "sums and lists, across two", *_answered(reading)


def _copy(server_url: str, name: str, to: str) -> None:
    engine = create_engine(make_url(server_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {to} TEMPLATE {name} STRATEGY FILE_COPY"))
    engine.dispose()


def _posted(portals: Sequence[Flask], folder: Path, count: int) -> tuple[int, float]:
    """Charges, and seconds until as many workers of each portal have posted all that is due in it."""
    with ExitStack() as stack:
        for number, portal in enumerate(portals):
            (own := folder / f"workers-{number}").mkdir(exist_ok=True)
            with portal.app_context():
                stack.enter_context(workers.workers(portal, own, count))
        begun, runs, charges = perf_counter(), [], 0
        for portal in portals:
            with portal.app_context():
                runs.append(workers.hand_on())
        for portal, run in zip(portals, runs, strict=True):
            with portal.app_context():
                charges += workers.ended(run).charge_count
        took = perf_counter() - begun
    for portal in portals:
        with portal.app_context():
            db.engine.dispose()
    return charges, took


def _answered(connection: Connection) -> tuple[int, float]:
    """The charges there are, and seconds to add all up and list the newest."""
    begun = perf_counter()
    answers = two_servers.answers(connection)
    took = perf_counter() - begun
    assert answers["the newest charges"]
    count = connection.execute(text("SELECT count(*) FROM charge")).scalar_one()
    return count, took
