"""`python -m benchmarks`: all measurements, or those that are named."""

import argparse
import os
import platform

from benchmarks import calls_import, engine, minimum_spend, pages, runs, summaries
from benchmarks.stores import KINDS

PARTS = ("engine", "runs", "pages", "imports", "minimums", "summaries")
CALLS_OF_A_CUSTOMER = 100


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all, if none")
    for name, default, words in (
        ("assignments", 100_000, "assignments of the large portal"),
        ("charges", 300_000, "charges posted on one day, for the pages"),
        ("customers", 1_000, "customers whose summaries are written"),
        ("calls", 1_000_000, "calls to import, and to settle minimum spends with"),
    ):
        given = int(os.environ.get(f"BENCH_{name.upper()}", default))
        parser.add_argument(
            f"--{name}", type=int, default=given, help=f"{words} ({given:,}; BENCH_{name.upper()})"
        )
    parser.add_argument("--database", choices=KINDS, action="append", help="one of both; both, if none")
    asked = parser.parse_args()
    parts = asked.parts or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    )
    if "engine" in parts:
        engine.measure(asked.assignments)
    for kind in asked.database or KINDS:
        if "runs" in parts:
            runs.measure(kind, asked.assignments)
        if "pages" in parts:
            pages.measure(kind, asked.assignments, asked.charges)
        if "imports" in parts:
            calls_import.measure(kind, asked.calls)
        if "minimums" in parts:
            minimum_spend.measure(kind, max(asked.calls // CALLS_OF_A_CUSTOMER, 1), asked.calls)
        if "summaries" in parts:
            summaries.measure(kind, asked.customers)


if __name__ == "__main__":
    main()
