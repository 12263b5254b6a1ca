"""What runs post is what a naive day-by-day oracle says, whenever the runs are made.

Of 500 portfolios every fifth is replayed on SQLite, and every tenth on PostgreSQL, which does the same sums; with
--deep every second and every fifth.
"""

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import update

from portal.models import AssignmentPosition, Company
from portal.services.billing.planning import due_ids
from portal.services.billing.posting import post_chunk
from portal.services.chunks import in_chunks
from portal.services.scenarios.reading import Place
from portal.services.scenarios.simulating import Simulation
from tests.conftest import POSTGRESQL
from tests.depth import tries
from tests.portfolios import generate
from tests.scenarios import answer

pytestmark = pytest.mark.slow

ONE_DAY = timedelta(days=1)
PORTFOLIOS = 500
WAIT_DAYS = (0, 1, 2)


def with_numbers_of_its_own(scenario, seed):
    """The scenario with DIDs that no other portfolio has: a number is in the portal once."""
    own = {did["number"]: f"+999{seed:05}{n:03}" for n, did in enumerate(scenario["dids"])}
    for item in (*scenario["assignments"], *scenario["usage"]):
        if item.get("did"):
            item["did"] = own[item["did"]]
    for did in scenario["dids"]:
        did["number"] = own[did["number"]]
    return scenario


def all_in_time(scenario):
    """The scenario with calls that come in on their own day: only a run of each day can know what is late."""
    for call in scenario["usage"]:
        call.pop("came_in_on", None)
    return scenario


def portfolios(seeds):
    """Scenarios by their Usage Wait Days, which are one setting for the whole portal."""
    found = defaultdict(list)
    for seed in seeds:
        scenario = with_numbers_of_its_own(generate(seed), seed)
        found[scenario["usage_wait_days"]].append(scenario)
    return found


class Replay:
    """Portfolios in one database, their changes made on their days, runs made on the days they are told."""

    def __init__(self, session, scenarios, wait_days):
        self.session = session
        session.get_one(Company, 1).usage_wait_days = wait_days
        self.simulations = [Simulation(Place(scenario)) for scenario in scenarios]
        for simulation in self.simulations:
            simulation.set_up()
        self.changes = defaultdict(list)
        for simulation in self.simulations:
            for change in simulation.changes():
                self.changes[change.day("on")].append((simulation, change))
        starts = [a.start_date for s in self.simulations for a in s.assignments.values()]
        self.first, self.last = min(starts), max(s.through for s in self.simulations)
        session.commit()
        for simulation in self.simulations:
            simulation.on_time.clear()  # else every commit of every day would expire each of these calls

    def days(self):
        day = self.first
        while day <= self.last:
            yield day
            day += ONE_DAY

    def go(self, runs_on):
        """Walk through the days; those in `runs_on` end with a run of everything that is due."""
        for day in self.days():
            for simulation, change in self.changes[day]:
                simulation.change(change)
            for simulation in self.simulations:
                simulation.take_in_late(day)
                simulation.late.pop(day, None)
            if day in runs_on:
                self.session.flush()
                self.run(day)
                self.session.commit()

    def run(self, day):
        for chunk in in_chunks(due_ids(day)):
            posting = post_chunk(chunk, day, day, None, "oracle", datetime.combine(day, time(), UTC))
            assert not posting.held and not posting.failed

    def written(self):
        """The answer of each portfolio, without the sentences."""
        answers = [simulation.written() for simulation in self.simulations]
        for charge in (charge for given in answers for charge in given["charges"]):
            del charge["why"]
        return answers


@pytest.mark.parametrize("wait_days", WAIT_DAYS)
def test_runs_on_every_day_post_what_the_oracle_says(session, wait_days):
    on_postgresql = session.get_bind().dialect.name == POSTGRESQL
    many = tries(50, deep=100) if on_postgresql else tries(100, deep=250)
    seeds = range(0, PORTFOLIOS, PORTFOLIOS // many)
    assert len(seeds) == many
    scenarios = portfolios(seeds)[wait_days]
    assert len(scenarios) > len(seeds) / 10
    replay = Replay(session, scenarios, wait_days)
    replay.go(set(replay.days()))
    for scenario, given in zip(scenarios, replay.written(), strict=True):
        assert given["charges"] == answer(scenario | {"to": replay.last.isoformat()})["charges"], scenario


@pytest.mark.parametrize("seed", range(3))
def test_runs_on_some_days_or_once_at_the_end_post_what_daily_runs_would(session, seed):
    first = 1000 + 25 * seed
    scenarios = [all_in_time(made) for made in portfolios(range(first, first + tries(10, deep=15)))[0]]
    replay = Replay(session, scenarios, 0)
    session.execute(update(AssignmentPosition).values(post_all_through=replay.last))
    random = Random(seed)
    begun = {
        max(filter(None, (a.start_date, a.charge_from)))
        for s in replay.simulations
        for a in s.assignments.values()
    }
    some = {day for day in replay.days() if random.random() < (0.0, 0.02, 0.3)[seed]}
    replay.go(begun | some | {replay.last})
    for scenario, given in zip(scenarios, replay.written(), strict=True):
        assert given["charges"] == answer(scenario | {"to": replay.last.isoformat()})["charges"], scenario
