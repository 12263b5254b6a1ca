"""Every pair of acts that can meet, in each order, and crowds of eight: `make race`.

    python -m tests.race [--rounds N] [WORD ...]

Which acts can meet follows from tests/lock_table.py. With words, only pairs of whose two acts one is named by a
word. Held first: each pair once in each order, as in the suite. Then N rounds (3) of crowds, eight at once, four of
each act, in which chance has its say. Exits 1 where something went wrong.
"""

import argparse
import logging
import sys
import tempfile
import time
from itertools import combinations_with_replacement
from pathlib import Path

from tests import lock_table, postgresql, world
from tests.race_acts import ACTS, Act
from tests.racing import Races

AT_ONCE = 8
NAMED = lock_table.routes() | lock_table.commands()


def pairs(words: list[str]) -> list[tuple[Act, Act]]:
    """The pairs of acts that lock a kind in common, and not both of them shared."""
    return [
        (one, other)
        for one, other in combinations_with_replacement(ACTS.values(), 2)
        if one.scene == other.scene and NAMED[one.of].meets(NAMED[other.of])
        if not words or any(word in f"{one.name}\n{other.name}" for word in words)
    ]


def go_wrong(races: Races, rounds: int, words: list[str]) -> list[str]:
    """What goes wrong, told as it is found."""
    found: list[str] = []

    def tell(what: str, wrong: str) -> None:
        if wrong:
            found.append(what)
            print(f"-- {what}\n  {wrong}", flush=True)

    chosen, began = pairs(words), time.monotonic()
    print(f"{len(chosen)} pairs can meet. Each, held, in each order:", flush=True)
    for done, (one, other) in enumerate(chosen, start=1):
        if done % 100 == 0:
            print(f"{done}, {time.monotonic() - began:.0f} s", flush=True)
        for first, second in {
            (one.name, other.name): (one, other),
            (other.name, one.name): (other, one),
        }.values():
            tell(f"{first.name} | {second.name}", _met(races, first, second))
    print(f"{time.monotonic() - began:.0f} s. Crowds of {AT_ONCE}, {rounds} rounds:", flush=True)
    for number in range(rounds):
        for one, other in chosen:
            tell(f"{one.name} & {other.name}, round {number + 1}", races.crowd([one, other] * (AT_ONCE // 2)))
    print(f"{len(found)} went wrong, in {time.monotonic() - began:.0f} s")
    return found


def _met(races: Races, first: Act, second: Act) -> str:
    """What goes wrong when they meet, or already one after the other."""
    try:
        return races.meeting(first, second)
    except AssertionError as error:
        return str(error)


def main() -> bool:
    """Whether anything went wrong."""
    asked = argparse.ArgumentParser(description="Two people at once, all pairs.")
    asked.add_argument("--rounds", type=int, default=3, help="of crowds of eight (3)")
    asked.add_argument("words", nargs="*", help="of the acts' names")
    given = asked.parse_args()
    logging.getLogger("portal.mail").setLevel(logging.ERROR)  # without a mail server messages go to the log
    with tempfile.TemporaryDirectory(prefix="portal-race-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        home = folder / "pg"
        home.mkdir()
        with postgresql.server(home) as url:
            database = world.Postgresql(folder, url)
            races = Races(database, folder)
            try:
                return bool(go_wrong(races, given.rounds, given.words))
            finally:
                races.close()
                database.end()


if __name__ == "__main__":
    sys.exit(main())
