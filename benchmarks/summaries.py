"""Charge summaries as PDF: one, warm, and everybody's in one command with the memory that it takes."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks import large
from benchmarks.runs import post
from benchmarks.stores import store
from benchmarks.table import duration, per_second, show
from portal.extensions import db
from portal.models import Customer
from portal.models.company import company

BEGINS, THROUGH = large.TODAY.replace(day=1), large.TODAY.replace(day=1) + timedelta(days=29)
WARM = 20


def measure(kind: str, customers: int) -> None:
    """One summary of a customer with everything just charged, then as many as there are customers."""
    with store(kind, large.TODAY.isoformat()) as app:
        large.provider(customers * large.OF_A_CUSTOMER)
        charges = post()
        db.session.commit()
        rows = [("one, warm (median)", 1, duration(_warm()), "", "")]
        took, peak = _all(app.config["SQLALCHEMY_DATABASE_URI"], customers)
        rows.append(
            ("portal summary all", customers, duration(took), per_second(customers, took), f"{peak:.0f} MiB")
        )
    title = f"Charge summaries as PDF on {kind}, {charges // customers:,} charges each"
    show(title, ("what", "summaries", "time", "a second", "peak memory"), rows)


def _warm() -> float:
    """From the database to the finished file."""
    from portal.services.summary import paper, summary

    times = []
    for number in range(WARM + 1):
        begun = perf_counter()
        found = summary(db.session.get_one(Customer, number % 10 + 1), BEGINS, THROUGH, THROUGH)
        paper.pdf(found, company(), large.TODAY)
        times.append(perf_counter() - begun)
        db.session.rollback()
    return median(times[1:])


def _all(url: str, customers: int) -> tuple[float, float]:
    """The command as it is typed: seconds, and its peak of memory in MiB."""
    with TemporaryDirectory(prefix="portal-bench-") as folder:
        command = [sys.executable, "-m", "portal.cli", "summary", "all", str(BEGINS), str(THROUGH), "--pdf"]
        given = {**os.environ, "PORTAL_DATABASE_URL": url, "PORTAL_INSTANCE": folder, "PORTAL_MODE": "demo"}
        begun = perf_counter()
        run = subprocess.Popen([*command, "--into", f"{folder}/pdf"], env=given, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(run.pid, 0)
        took = perf_counter() - begun
        written = len(list(Path(folder, "pdf").glob("*.pdf")))
        if status or written != customers:
            raise RuntimeError(f"{written} of {customers} summaries written, status {status}")
        return took, used.ru_maxrss / 1024  # which Linux tells in KiB
