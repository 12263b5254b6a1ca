"""Loading the demo company, once. Killed anywhere, it goes on where it stopped.

The first transaction holds company, packages, customers and DIDs; then each day is one: what happened
on it, and the run of its evening. It commits each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import exists, func, select

from portal.domain.errors import RuleBroken
from portal.domain.wording import long_month, plural
from portal.extensions import db
from portal.models import Customer, Did, Package, Payment, Run, RunState
from portal.models.user import BILLING, CUSTOMER_OWNER
from portal.services import audit
from portal.services.customers.customers import CustomerFields, create_customer
from portal.services.demo import company as lumen
from portal.services.demo import notes, payments
from portal.services.demo.acts import CLERK, OWNER, Act, Stage
from portal.services.demo.catalogue import CATALOGUE
from portal.services.demo.people import ACCOUNT_CODES, CONTACTS, IBANS, NO_TAX, PAYMENT_DAYS
from portal.services.demo.story import Story
from portal.services.demo.telling import tell
from portal.services.dids import intake as did_intake
from portal.services.dids.lines import Line, Lines
from portal.services.packages.catalogue import create_package
from portal.services.packages.connexcs import connexcs_choices, seed_connexcs_packages
from portal.services.people import people
from portal.services.runs import runs

MARK = "demo-"
RUN_BY = "cron"
RUN_AT = time(22, 15)
CHUNK = 1000
AHEAD = timedelta(days=30)
Say = Callable[[str], object]


def is_loaded() -> bool:
    """Whether the whole demo is there: the last thing loaded is a simulation."""
    told_on = _told_on()
    if told_on is None:
        return False
    last = exists().where(Run.simulate, Run.through == told_on + AHEAD, Run.state == RunState.DONE)
    return bool(db.session.scalar(select(last)))


def why_not_load() -> str | None:
    """Why the demo is not loaded here: it is there, or somebody else's data is. None where it may be."""
    if is_loaded():
        return "The demo company is already loaded; nothing was changed."
    if _told_on() is None and db.session.scalar(select(exists().where(Package.id > 0))):
        return "The demo company can be loaded into an empty portal only. Nothing was changed."
    return None


def load(today: date, say: Say = lambda sentence: None) -> None:
    """Load the demo company as of `today`, or go on with one that was interrupted.

    RuleBroken where something is there already. Commits day by day.
    """
    if reason := why_not_load():
        raise RuleBroken(reason)
    told_on = _told_on()
    story = tell(told_on or today)
    if told_on is None:
        with audit.acting(audit.Actor(OWNER, "owner", at=_at(story.begin, time(8)))):
            _set_up(story)
            db.session.commit()
        say(f"{len(CATALOGUE)} packages, {len(story.people)} customers and {_count_dids()} DIDs are there.")
    for _ in _run_days(story, say):
        pass
    if not db.session.scalar(select(exists().where(Payment.id > 0))):
        payments.pay(story.begin, story.today)
        notes.write(story.today)
        db.session.commit()
    _end_with_simulations(story)
    say("The last runs are simulations; today's charges wait to be posted.")


def _told_on() -> date | None:
    """The day for which the demo in this database is told: its packages' tokens say so."""
    token = db.session.scalar(select(Package.token).where(Package.token.startswith(MARK)).limit(1))
    return date.fromisoformat(token.removeprefix(MARK)[:10]) if token else None


def _count_dids() -> int:
    return db.session.scalar(select(func.count()).select_from(Did)) or 0


def _at(day: date, when: time = time(9, 30)) -> datetime:
    return datetime.combine(day, when, UTC)


def _stage(story: Story, day: date) -> Stage:
    return Stage(f"{MARK}{story.today.isoformat()}-", day, _at(day))


# -- the first transaction


def _set_up(story: Story) -> None:
    lumen.introduce()
    stage = _stage(story, story.begin)
    seed_connexcs_packages()
    services = {name: id for id, name in connexcs_choices()}
    for item in CATALOGUE:
        definition = item.definition(services.get(item.connexcs))
        create_package(definition, token=stage.token("package", item.name), now=stage.now)
    for person in story.people:
        fields = CustomerFields(
            person.name,
            person.currency,
            email=person.email,
            party=person.party,
            account_codes=ACCOUNT_CODES.get(person.name, ()),
            payment_days=PAYMENT_DAYS.get(person.name),
            iban=IBANS.get(person.name, ""),
            contacts=CONTACTS.get(person.name, ()),
        )
        why = NO_TAX.get(person.name, ())
        since = story.joined[person.key]
        token = stage.token("customer", person.key)
        create_customer(fields, person.tax_rate, *why, token=token, today=since, now=_at(since))
    _take_in_dids(story, stage)
    let_in(stage.customer(story.people[0].key))


def let_in(customer: Customer) -> None:
    """Who signs in beside the owner: the clerk who did most of what the story tells, and a customer."""
    for email, name, role, customer_id in (
        (CLERK, "Ben Okafor", BILLING, None),
        (people.DEMO_CUSTOMER_EMAIL, "Nora Ashworth", CUSTOMER_OWNER, customer.id),
    ):
        if not people.find_by_email(email):
            people.create(email, name, people.DEMO_PASSWORD, role, customer_id)


def _take_in_dids(story: Story, stage: Stage) -> None:
    for number, person in enumerate(story.people):
        wanted = did_intake.Wanted(customer=stage.customer(person.key))
        _take_in(story.dids[person.key], wanted, stage, f"dids-{number}")
    _take_in(story.stock, did_intake.Wanted(), stage, "stock")


def _take_in(numbers: list[str], wanted: did_intake.Wanted, stage: Stage, key: str) -> None:
    lines = Lines([Line(place, (number,), {"number": number}) for place, number in enumerate(numbers, 1)])
    report = did_intake.check(lines, wanted)
    assert not report.bad, report.bad[0].reason
    did_intake.take_in(report, token=f"{stage.mark}{key}", by=CLERK, now=stage.now, today=stage.day)


# -- the days


def _act(acts: Sequence[Act], stage: Stage) -> None:
    """Do what happened on a day, each act by whoever did it then."""
    for act in acts:
        owner = bool(getattr(act, "override_reason", ""))
        actor = (
            audit.Actor(OWNER, "owner", at=stage.now)
            if owner
            else audit.Actor(CLERK, "billing", at=stage.now)
        )
        with audit.acting(actor):
            act(stage)


def _run_days(story: Story, say: Say) -> Iterator[date]:
    """What happened on each day not told yet, and the run of its evening."""
    done, unfinished = _progress()
    if unfinished is not None:
        done = unfinished.through
        _carry_out(unfinished.id, done)
    for day, acts in story.days():
        if done and day <= done:
            continue
        stage = _stage(story, day)
        _act(acts, stage)
        with audit.acting(audit.Actor(RUN_BY, at=_at(day, RUN_AT))):
            run = runs.start(day, simulate=False, today=day, by=RUN_BY, now=_at(day, RUN_AT))
        _carry_out(run.id, day)
        if (day + timedelta(days=1)).day == 1 or day == story.last:
            say(f"{long_month(day)}: {plural(_posted(day), 'charge')} posted.")
        yield day


def _progress() -> tuple[date | None, Run | None]:
    """The last day whose run is done, and the run that is not."""
    posting = select(Run).where(~Run.simulate).order_by(Run.through.desc()).limit(1)
    last = db.session.scalar(posting)
    if last is None:
        return None, None
    return (last.through, None) if last.state == RunState.DONE else (None, last)


def _carry_out(run_id: int, day: date) -> None:
    seconds = iter(range(1, 3600))

    def clock() -> datetime:
        return _at(day, RUN_AT) + timedelta(seconds=next(seconds))

    with audit.acting(audit.Actor(RUN_BY, at=clock())):
        runs.carry_out(run_id, day, clock, CHUNK)


def _posted(day: date) -> int:
    """The charges that runs of a month posted up to `day`."""
    query = select(func.sum(Run.charge_count)).where(
        ~Run.simulate, Run.through.between(day.replace(day=1), day)
    )
    return db.session.scalar(query) or 0


def _end_with_simulations(story: Story) -> None:
    """The last evening: today is simulated, one more thing is assigned, and the next month is simulated."""
    _simulate(story, story.today)
    _act(story.last_evening, _stage(story, story.last))
    _simulate(story, story.today + AHEAD)


def _simulate(story: Story, through: date) -> None:
    query = select(Run).where(Run.simulate, Run.through == through)
    run = db.session.scalar(query)
    if run is None:
        now = _at(story.last, RUN_AT)
        with audit.acting(audit.Actor(CLERK, "billing", at=now)):
            run = runs.start(through, simulate=True, today=story.last, by=CLERK, now=now)
    if run.state != RunState.DONE:
        _carry_out(run.id, story.last)
