"""RESULTS.md: what was measured last, when, where and by which command; and what has become slower since.

Each table stands there with a line that says of when it is. One that is measured anew takes its place, unless something
in it became slower: then it stays as it was until somebody says that the slower figures are the ones to keep.

Ratios and numbers of charges are compared wherever they were measured; times and speeds only with those of a machine
that is called the same.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import Row, Table

FILE = Path(__file__).with_name("RESULTS.md")
HEAD = """\
# What was measured

Written by `make bench` (README.md). Of the tables "Runs over ...": *raw before* and *raw after* are the bare store, one
INSERT..SELECT of the very rows that a run has posted, and the same positions moved and kept, into the schema as it was
before runs were made quicker and as it is now; *post* is a run in one process, *one worker* and *two workers* the same
run handed on to workers. *All alike* is benchmarks/large.py, *as in life* what `portal seed --assignments` makes up,
due for a month, *after a year* the same with a year of charges before it. A *slow phone* is Lighthouse's
(benchmarks/lighthouse.py): marks out of a hundred, and what would cost points where a goal is missed.
"""
# A quarter more may be chance: a machine does other things, too.
TOLERANCE = 1.25
LEAST = 0.010  # seconds
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
TIME = re.compile(r"([\d.]+) (us|ms|s)")
NUMBER = re.compile(r"[\d,]+(?:\.\d+)?")
MARKS = ("performance", "accessibility", "best practices")  # out of a hundred, by Lighthouse


class Result(NamedTuple):
    """A table, and of when, by which command and from which machine it is."""

    table: Table
    said: str
    machine: str


def read(text: str) -> dict[str, Result]:
    """The tables of a file, by their titles."""
    return {result.table.title: result for result in _read(text)}


def _read(text: str) -> Iterator[Result]:
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        title, _, rest = part.partition("\n")
        said, _, machine = next(line for line in rest.splitlines() if line).rpartition(", on ")
        heads, _, *rows = [_cells(line) for line in rest.splitlines() if line.startswith("|")]
        yield Result(Table(title, heads, rows), said, machine.rstrip("."))


def _cells(line: str) -> Row:
    return tuple(cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|"))


def write(results: dict[str, Result]) -> str:
    """The file with these tables, in the order of their titles."""
    parts = [HEAD]
    for title, result in sorted(results.items()):
        table = result.table
        rule = ("---", *("---:" for _ in table.heads[1:]))
        rows = "\n".join(f"| {' | '.join(row)} |" for row in (table.heads, rule, *table.rows))
        parts.append(f"## {title}\n\n{result.said}, on {result.machine}.\n\n{rows}\n")
    return "\n".join(parts)


def slower(old: Result, new: Result) -> list[str]:
    """What became slower, a sentence each."""
    found = []
    was = {row[0]: dict(zip(old.table.heads, row, strict=True)) for row in old.table.rows}
    for row in new.table.rows:
        for head, cell in list(zip(new.table.heads, row, strict=True))[1:]:
            before = was.get(row[0], {}).get(head, "")
            if _is_slower(row[0], head, before, cell, same=old.machine == new.machine):
                found.append(f"{new.table.title}: {row[0]}, {head}: {before} before, {cell} now")
    return found


def _is_slower(words: str, head: str, before: str, now: str, *, same: bool) -> bool:
    if (was := TIME.fullmatch(before)) and (is_now := TIME.fullmatch(now)):
        first, then = (float(match[1]) * SECONDS[match[2]] for match in (was, is_now))
        least = LEAST if first > SECONDS["ms"] else 0
        return same and then > first * TOLERANCE + least
    if not (NUMBER.fullmatch(before) and NUMBER.fullmatch(now)):
        return False
    first, then = (float(cell.replace(",", "")) for cell in (before, now))
    if head in MARKS:
        return then < first - 1
    if "/s" in head or "a second" in f"{words} {head}":
        return same and then < first / TOLERANCE
    if " : " in words:
        more_is_better = "raw before : raw after" in words or "speed" in words
        return then < first / TOLERANCE if more_is_better else then > first * TOLERANCE
    return False


def keep(tables: Sequence[Table], said: str, machine: str, *, whatever: bool, look: bool) -> list[str]:
    """Compare tables with the file and put them into it; what became slower.

    A table in which something did is put there only if `whatever` is to be; none is by whoever only wants to `look`.
    """
    results = read(FILE.read_text()) if FILE.exists() else {}
    found: list[str] = []
    for table in tables:
        new = Result(table, said, machine)
        worse = slower(results[table.title], new) if table.title in results else []
        found += worse
        if whatever or not worse:
            results[table.title] = new
    if not look:
        FILE.write_text(write(results))
    return found
