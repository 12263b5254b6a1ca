"""`python -m benchmarks`: all measurements, or those that are named, compared with RESULTS.md and kept there."""

import argparse
import os
import platform
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    calls_import,
    engine,
    lighthouse,
    minimum_spend,
    pages,
    peers,
    results,
    runs,
    search,
    servers,
    summaries,
)
from benchmarks.stores import KINDS
from benchmarks.table import shown
from portal import clock

PARTS = (
    "engine", "runs", "servers", "peers", "lighthouse", "pages", "search", "imports", "minimums", "summaries",
)  # fmt: skip
CALLS_OF_A_CUSTOMER = 100
OF_PEERS = 2_000  # subscriptions, which they take seconds for


def main() -> bool:
    """Measure what is asked for, print it, keep it; whether anything became slower."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all, if none")
    for name, default, words in (
        ("assignments", 100_000, "assignments of the large portal"),
        ("charges", 300_000, "charges posted before pages are asked for"),
        ("customers", 1_000, "customers whose summaries are written"),
        ("calls", 1_000_000, "calls to import, and to settle minimum spends with"),
        ("times", 5, "looks that Lighthouse takes at a page"),
    ):
        given = int(os.environ.get(f"BENCH_{name.upper()}", default))
        parser.add_argument(
            f"--{name}", type=int, default=given, help=f"{words} ({given:,}; BENCH_{name.upper()})"
        )
    parser.add_argument("--database", choices=KINDS, action="append", help="one of both; both, if none")
    parser.add_argument(
        "--no-year", action="store_true", help="leave out the runs with a year of charges before them"
    )
    parser.add_argument("--look", action="store_true", help="compare with RESULTS.md, and leave it as it is")
    parser.add_argument("--keep", action="store_true", help="keep in RESULTS.md what became slower, too")
    asked = parser.parse_args()
    parts = asked.parts or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it early leaves nothing behind
    print(_machine())
    try:
        _measure(parts, asked)
    finally:  # ended early, what was measured is measured
        found = _compared(whatever=asked.keep, look=asked.look)
    return found


def _measure(parts: Sequence[str], asked: argparse.Namespace) -> None:
    if "engine" in parts:
        engine.measure(asked.assignments)
    kinds = asked.database or KINDS
    if "runs" in parts:
        runs.measure(kinds, asked.assignments, history=not asked.no_year)
    if "servers" in parts and "postgresql" in kinds:
        servers.measure(asked.assignments)
    if "peers" in parts:
        peers.measure(OF_PEERS)
    if "lighthouse" in parts:
        lighthouse.measure(asked.times)
    for kind in kinds:
        if "pages" in parts:
            pages.measure(kind, asked.assignments, asked.charges)
        if "search" in parts:
            search.measure(kind, asked.assignments)
        if "imports" in parts:
            calls_import.measure(kind, asked.calls)
        if "minimums" in parts:
            minimum_spend.measure(kind, max(asked.calls // CALLS_OF_A_CUSTOMER, 1), asked.calls)
        if "summaries" in parts:
            summaries.measure(kind, asked.customers)


def _compared(*, whatever: bool, look: bool) -> bool:
    command = shlex.join(["make", "bench", *([f"ARGS={shlex.join(sys.argv[1:])}"] if sys.argv[1:] else [])])
    said = f"{clock.now():%-d %B %Y}, by `{command}`"
    found = results.keep(shown, said, _machine(), whatever=whatever, look=look)
    print(f"\n{'Slower than in' if found else 'Nothing is slower than in'} {results.FILE.name}")
    for sentence in found:
        print(f"  {sentence}")
    return bool(found)


def _machine() -> str:
    """What figures depend on."""
    cpu = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")] \
        if cpu.exists() else []  # fmt: skip
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
