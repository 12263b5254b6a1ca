"""What Lighthouse says of ten pages and the sign-in page, on a phone of little power on a slow line.

The demo company is served as `portal serve` does it, and looked at by an owner, by a customer's person and by nobody:
a phone four times as slow as this machine, 1.6 Mbit a second, 150 ms there and back, nothing kept from the page before.
A page is kept where the medians of its marks reach GOALS; else the table names what costs it points.

Lighthouse comes from npm's registry the first time. Where there is none, or no Node.js or Chromium, that is said and
nothing is measured.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import large
from benchmarks.table import duration, show
from portal.services.people.people import DEMO_CUSTOMER_EMAIL, DEMO_EMAIL, DEMO_PASSWORD
from tests.browser_fixtures import ARGUMENTS, CHROMIUM
from tests.served import Person, Served

LIGHTHOUSE = "lighthouse@12.8.2"  # the last that runs on Node.js 18 and 20
NEEDS = "Node.js 18 or later with npx, and Chromium (Debian: apt install npm chromium)"
GOALS = {"performance": 97, "accessibility": 100, "best-practices": 100}
LARGEST, BYTES = "largest-contentful-paint", "total-byte-weight"
ENOUGH, TRIES = 300, 3  # seconds for one look at one page, and how often it is tried
# Who looks at what. A link, rather than an address, is the first such link of the page before the arrow.
NOBODY, STAFF, CUSTOMER = "", DEMO_EMAIL, DEMO_CUSTOMER_EMAIL
PAGES = {
    "sign in": (NOBODY, "/login"),
    "staff: overview": (STAFF, "/"),
    "staff: customers": (STAFF, "/customers"),
    "staff: a customer": (STAFF, r"/customers?q=northwind -> /customers/\d+"),
    "staff: charges": (STAFF, "/charges"),
    "staff: upcoming": (STAFF, "/charges/upcoming"),
    "customer: home": (CUSTOMER, "/my"),
    "customer: charges": (CUSTOMER, "/my/charges"),
    "customer: calls": (CUSTOMER, r'/my -> /my/calls/[^"]+'),
    "customer: numbers": (CUSTOMER, "/my/dids"),
    "customer: summary": (CUSTOMER, "/my/summary"),
}


def measure(times: int) -> None:
    """Look at each page so many times, one after the other, so that no page has all of a busy minute."""
    npx = shutil.which("npx")
    if not (npx and CHROMIUM):
        print(f"  Lighthouse did not look at the pages: it needs {NEEDS}.", flush=True)
        return
    reports: dict[str, list[Any]] = {name: [] for name in PAGES}
    with _demo() as portal:
        people = {email: _signed_in(portal, email) for email in (STAFF, CUSTOMER)}
        addresses = {name: _address(people.get(who), where) for name, (who, where) in PAGES.items()}
        for time in range(1, times + 1):
            print(f"  Lighthouse looks at the pages, {time} of {times}", flush=True)
            for name, address in addresses.items():
                cookie = people[who].cookie if (who := PAGES[name][0]) else ""
                try:
                    reports[name].append(_look(npx, f"http://127.0.0.1:{portal.port}{address}", cookie))
                except (subprocess.SubprocessError, ValueError) as error:
                    print(f"  It did not look at {name}: {_last_line(error)}", flush=True)
                    return
    show(
        f"Pages on a slow phone, by {LIGHTHOUSE.replace('@', ' ')}, median of {times}",
        ("page", *(_words(mark) for mark in GOALS), "largest paint", "size", ""),
        [row(name, found) for name, found in reports.items()],
    )


def row(name: str, reports: Sequence[Any]) -> tuple[str, ...]:
    """What several looks at a page come to: its marks, and what costs it points where a goal is missed."""
    marks = {mark: median(_mark(report, mark) for report in reports) for mark in GOALS}
    paint, size = (
        median(report["audits"][audit]["numericValue"] for report in reports) for audit in (LARGEST, BYTES)
    )
    missed = [mark for mark, goal in GOALS.items() if marks[mark] < goal]
    costs = sorted({audit for mark in missed for report in reports for audit in _costs(report, mark)})
    return (
        name,
        *(f"{mark:g}" for mark in marks.values()),
        duration(paint / 1000),
        f"{size / 1000:.0f} kB",
        f"missed: {', '.join(costs)}" if missed else "kept",
    )


def _mark(report: Any, mark: str) -> int:
    return round(report["categories"][mark]["score"] * 100)


def _costs(report: Any, mark: str) -> Iterator[str]:
    """The audits without whose points a mark would be higher."""
    for part in report["categories"][mark]["auditRefs"]:
        score = report["audits"][part["id"]]["score"]
        if part["weight"] and score is not None and round(score * 100) < GOALS[mark]:
            yield part["id"]


def _words(mark: str) -> str:
    return mark.replace("-", " ")


@contextmanager
def _demo() -> Iterator[Served]:
    """The demo company on a portal of its own, which is gone at the end."""
    with TemporaryDirectory(prefix="portal-bench-") as name:
        url, day = f"sqlite:///{name}/portal.db", large.TODAY.isoformat()
        settings = {"PORTAL_INSTANCE": f"{name}/instance", "PORTAL_DATABASE_URL": url, "PORTAL_TODAY": day}
        for words in (("db", "upgrade"), ("seed",)):
            command = [sys.executable, "-m", "portal.cli", *words]
            subprocess.run(command, env=os.environ | settings, check=True, capture_output=True, text=True)
        portal = Served(Path(name), url, PORTAL_TODAY=day)
        try:
            portal.wait_for("/ready", 200)
            yield portal
        finally:
            portal.end()


def _signed_in(portal: Served, email: str) -> Person:
    person = Person(portal)
    person.send("/login", email=email, password=DEMO_PASSWORD)
    return person


def _address(person: Person | None, where: str) -> str:
    """Where a page is."""
    page, _, link = where.partition(" -> ")
    if not link or person is None:
        return page
    found = re.search(f'href="({link})"', person.get(page))
    assert found, f"{page} has no link like {link}"
    return found[1].replace("&amp;", "&")


def _look(npx: str, url: str, cookie: str) -> Any:
    """Lighthouse's report of a page: as it comes, on a phone (what it takes for granted, if nothing else is said)."""
    command = [
        *(npx, "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", "--no-enable-error-reporting"),
        *("--form-factor=mobile", "--throttling-method=simulate", f"--only-categories={','.join(GOALS)}"),
        f"--chrome-flags={' '.join(ARGUMENTS)}",
    ]
    if cookie:
        command.append(f"--extra-headers={json.dumps({'Cookie': f'portal={cookie}'})}")
    report = json.loads(_said(command))
    if (shown := report["finalDisplayedUrl"]) != url:
        raise ValueError(f"{url} led to {shown}")
    return report


def _said(command: Sequence[str]) -> str:
    """What it says. On a busy machine Lighthouse and Chromium miss each other now and then: it is asked again."""
    environment = os.environ | {"CHROME_PATH": str(CHROMIUM)}
    for left in reversed(range(TRIES)):
        try:
            return subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True, timeout=ENOUGH
            ).stdout
        except subprocess.SubprocessError:
            if not left:
                raise
    raise AssertionError


def _last_line(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return (said.strip().splitlines() or [""])[-1]
