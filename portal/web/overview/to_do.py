"""What is to be done, as rows of one shape: what it is, of whom, how much, and the one thing to do about it.

Kinds stand in the order in which they hurt, each worst first; what is due today always stands on top. As many rows are
shown as fit on a first look, one of every kind before any has two; the rest is folded, and the fold says what is in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from flask import current_app, url_for
from flask_security import current_user

from portal.clock import now, zone
from portal.domain.money import from_micros
from portal.domain.wording import day, listed, money, money_in, plural, price, price_in, short_day, whole
from portal.models import CallImport, ImportState, RunState
from portal.services.listing import counted
from portal.services.notes import lists as notes
from portal.services.overview import watch
from portal.services.overview.due import Due
from portal.services.overview.idle_dids import IdleDids
from portal.services.overview.owing import Owing
from portal.services.overview.remembering import Reading
from portal.services.summary import sending
from portal.services.summary.month_end import last_month
from portal.tasks import watch as tasks
from portal.web.http.access import may_change
from portal.web.shared.filters import instant

# Rows beside the first, the fold not counted.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to do. `mark` and `says` are its kind, by shape and by word; `act` leads to `to`.

    `alone` is how the fold tells of it where it is the only one of its kind.
    """

    mark: str
    says: str
    subject: str
    sentence: str = ""
    of: str = ""
    amount: str = ""
    act: str = "Open"
    to: str = ""
    alone: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one kind and what several of them are called. There are `more` than are named, `to` which it leads."""

    rows: Sequence[Row]
    one: str = ""
    many: str = ""
    more: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class ToDo:
    """What is seen at once, what is folded, what the fold is called, and of what there is more than is named."""

    due: Row
    shown: Sequence[Row]
    folded: Sequence[Row]
    fold: str
    more: Sequence[Kind]


def to_do(reading: Reading, ahead: Due, currency: str, owing: Owing, idle: IdleDids) -> ToDo:
    """All of it, as it is told to who is signed in."""
    today = reading.today
    kinds = [
        *_failed(today),
        _not_charged(ahead),
        _no_calls(today),
        _imports(),
        _held(today),
        _notes(today),
        _overdue(owing, currency),
        _below_limit(reading),
        *_below_cost(reading),
        _losses(reading),
        _bad_rows(),
        _leaving(reading),
        Kind(list(_idle(idle))),
    ]
    more = [kind for kind in kinds if kind.more and len(kind.rows) > watch.NAMED]
    shown: list[Row] = []
    folded: list[Row] = []
    words: list[str] = []
    named = [kind.rows[: watch.NAMED] if kind in more else kind.rows for kind in kinds]
    for kind, rows, share in zip(kinds, named, _shares(list(map(len, named)), SHOWN), strict=True):
        shown += rows[:share]
        if rest := rows[share:]:
            folded += rest
            words += _folded(kind, rest, some_shown=share > 0, is_all=kind not in more)
    fold = listed(words) if words else ""
    return ToDo(
        _due_today(ahead, currency),
        shown,
        folded,
        fold[:1].upper() + fold[1:],
        more,
    )


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """How many of each are shown: one of every kind, then a second, as long as there is room."""
    shares = [0] * len(sizes)
    while room:
        before = room
        for place, size in enumerate(sizes):
            if room and shares[place] < size:
                shares[place] += 1
                room -= 1
        if room == before:
            break
    return shares


def _folded(kind: Kind, rest: Sequence[Row], *, some_shown: bool, is_all: bool) -> Iterator[str]:
    """How the fold tells of what is folded of a kind."""
    count = len(rest)
    if not kind.one:
        yield from (row.alone or row.subject for row in rest)
    elif some_shown and is_all:
        yield f"{whole(count)} more {kind.one if count == 1 else kind.many}"
    elif is_all:
        yield rest[0].alone if count == 1 and rest[0].alone else plural(count, kind.one, kind.many)
    else:
        yield f"more {kind.many}"


# -- each kind


def _due_today(ahead: Due, currency: str) -> Row:
    """What a run of today would post."""
    if not ahead.assignments_now:
        return Row("due", "due today", "Nothing is due today.", "All that fell due is posted.", act="")
    if not ahead.is_whole or not ahead.now:
        due = counted(ahead.assignments_now, "assignment")
        verb = "is" if ahead.assignments_now == 1 else "are"
        return Row(
            "due", "due today", due[:1].upper() + due[1:], f"{verb} due today, too many to add up here"
        )
    mine = ahead.by_day.get(currency, {}).get(ahead.begins)
    others = sum(1 for code, days in ahead.by_day.items() if code != currency and ahead.begins in days)
    said = "to post"
    return Row(
        "due",
        "due today",
        plural(ahead.now, "charge"),
        said
        + (f"; {plural(others, 'other currency', 'other currencies')} beside {currency}" if others else ""),
        amount=money_in(from_micros(mine.amount), currency) if mine else "",
    )


def _failed(today: date) -> Iterator[Kind]:
    """What did not take place: runs, mail, summaries, jobs."""
    if missing := watch.not_posted(today, now()):
        waiting = counted(missing.assignments, "assignment")
        verb = "has" if missing.assignments == 1 else "have"
        subject = f"No run for {plural(missing.days, 'day')}" if missing.last else "No run yet"
        said = (
            f"the last for all customers was up to {day(missing.last)}, and " if missing.last else "though "
        )
        yield _failure(
            "no run",
            subject,
            f"{said}{waiting} {verb} overdue charges. Does portal charge, or a worker, still run every night?",
            url_for("runs.new" if may_change() else "runs.index"),
        )
    if unsent := watch.unsent(now()):
        parts = []
        if unsent.refused:
            parts.append(f"{plural(unsent.refused, 'message')} could not be sent yet.")
        if unsent.given_up:
            verb = "was" if unsent.given_up == 1 else "were"
            parts.append(f"{plural(unsent.given_up, 'message')} {verb} given up in the last thirty days.")
        if unsent.untried:
            verb = "has" if unsent.untried == 1 else "have"
            parts.append(f"{plural(unsent.untried, 'message')} {verb} waited for more than an hour.")
        if unsent.reason:
            parts.append(f"The last reason: {unsent.reason}")
        yield _failure("not sent", "Mail not sent:", " ".join(parts), url_for("mail.index"))
    if refused := sending.count_refused(last_month(today)):
        yield _failure(
            "not sent",
            "Summaries not sent:",
            f"{plural(refused, 'summary', 'summaries')} of last month could not be written.",
            url_for("sent_summaries.index", standing="failed"),
        )
    jobs = tasks.look()
    if jobs.without_worker:
        verb = "waits" if jobs.without_worker == 1 else "wait"
        said = f"{plural(jobs.without_worker, 'job')} {verb} for one. Whoever runs the portal starts it: portal worker."
        yield _failure("no worker", "No worker runs:", said, url_for("runs.index"))
    for job, subject, place in (
        ("announce", "Charges not announced:", "notices.index"),
        ("mail", "Mail not sent:", "mail.index"),
    ):
        if job in jobs.failed:
            yield _failure(
                "failed", subject, "the job failed altogether; the server's log says why.", url_for(place)
            )
    yield Kind(
        list(_runs()),
        "run that failed or stopped",
        "runs that failed or stopped",
        "runs",
        url_for("runs.index"),
    )
    undoings = [
        Row(
            "failed",
            "stopped",
            f"Undoing the run of {day(undo.run.through)}",
            f"was interrupted at {whole(undo.done_count)} of {whole(undo.due_count)}.",
            to=url_for("runs.show", run_id=undo.run_id),
        )
        for undo in watch.undoings_to_look_at(now())
    ]
    yield Kind(
        undoings, "undoing of a run", "undoings of runs", "undoings of runs", url_for("runs.index")
    )  # fmt: skip


def _failure(says: str, subject: str, sentence: str, to: str) -> Kind:
    return Kind([Row("failed", says, subject, sentence, to=to, alone=subject.rstrip(":"))])


def _runs() -> Iterator[Row]:
    for run in watch.runs_to_look_at(now()):
        if run.failed_count:
            said = f"failed for {plural(run.failed_count, 'assignment')}."
        else:
            stopped = run.state == RunState.STOPPED
            how = "was stopped" if stopped else "was interrupted" if run.going_since else "has not begun"
            said = f"{how}, at {whole(run.done_count)} of {whole(run.due_count)}."
        to = url_for("runs.show", run_id=run.id)
        yield Row(
            "failed",
            "run failed" if run.failed_count else "stopped",
            f"The run of {day(run.through)}",
            said,
            to=to,
        )


def _not_charged(ahead: Due) -> Kind:
    words = ("assignment that cannot be worked out", "assignments that cannot be worked out")
    return Kind(list(_broken(ahead)), *words)


def _broken(ahead: Due) -> Iterator[Row]:
    for one in ahead.failed[: watch.NAMED]:
        to = url_for("assignments.show", assignment_id=one.assignment_id)
        yield Row("failed", "not charged", "", one.sentence, to=to)
    if (rest := len(ahead.failed) - watch.NAMED) > 0:
        said = f"{plural(rest, 'assignment')} more of the next thirty days cannot be worked out."
        yield Row("failed", "not charged", "", said, to=url_for("upcoming.index"))


def _no_calls(today: date) -> Kind:
    missing = watch.no_calls(today, zone(), current_app.config["CALLS_EXPECTED_DAYS"])
    if not missing:
        return Kind([])
    return _failure(
        "no calls",
        f"No calls for {plural(missing.days, 'day')}:",
        f"the last file came on {instant(missing.last)}. Is what sends it, or what imports it, still running?",
        url_for("calls.index"),
    )


def _imports() -> Kind:
    rows = [_import(one) for one in watch.imports_to_look_at(now())]
    return Kind(
        rows, "file of calls that waits", "files of calls that wait", "files of calls", url_for("calls.index")
    )


def _import(one: CallImport) -> Row:
    to = url_for("calls.show", import_id=one.id)
    if one.state == ImportState.UNDOING:
        return Row(
            "owed",
            "not undone",
            one.file_name,
            f"undoing {one.file_name} was interrupted.",
            to=to,
            act="Continue",
        )
    if not one.layout:
        said, act = "waits for somebody to describe its layout.", "Describe"
    elif not one.lines_done and one.state == ImportState.STOPPED:
        said, act = "waits for somebody to look at it.", "Look"
    else:
        how = "stopped" if one.state == ImportState.STOPPED else "interrupted"
        said, act = f"was {how} at line {whole(one.lines_done)} of {whole(one.lines_total)}.", "Open"
    return Row("owed", "calls wait", one.file_name, said, to=to, act=act)


def _held(today: date) -> Kind:
    rows = [
        Row(
            "held",
            "held",
            one.customer.name,
            f"{one.package.name}, {plural(one.position.held_lines, 'charge')} not posted.",
            of=url_for("customers.show", customer_id=one.customer_id),
            act="Choose" if may_change() else "Open",
            to=url_for("holds.show", assignment_id=one.id),
        )
        for one in watch.held(today)
    ]
    return Kind(rows, "held", "held", "held assignments", url_for("holds.index"))


def _notes(today: date) -> Kind:
    due = notes.due(today, str(current_user.email))
    if not due:
        return Kind([])
    whose = "all" if due.own == due.everybodys else counted(due.own)
    mine = f"{whose} of them yours; " if due.own else ""
    to_come_back = f"{counted(due.everybodys, 'note')} to come back to"
    return Kind([
        Row(
            "owed",
            "note due",
            f"{to_come_back}:",
            f"{mine}the first since {day(due.first.come_back_on)}, on {due.first.customer.name}.",
            of=url_for("customers.show", customer_id=due.first.customer_id, _anchor="notes"),
            to=url_for("notes.index"),
            alone=to_come_back,
            id="notes-due",
        )
    ])  # fmt: skip


def _overdue(owing: Owing, currency: str) -> Kind:
    most = owing.most
    if not owing.overdue or not most:
        return Kind([])
    said = f"overdue, most by {most.name}, {money(most.overdue, currency)}"
    who = plural(owing.overdue_count, "customer")
    return Kind([
        Row(
            "owed",
            "overdue",
            who,
            f"{said}; the oldest since {day(owing.oldest)}." if owing.oldest else f"{said}.",
            of=url_for("credit.show", customer_id=most.customer_id),
            amount=money_in(owing.overdue, currency),
            to=url_for("owed.index", currency=currency, sort="-overdue"),
            alone=f"{who} overdue",
        )
    ])  # fmt: skip


def _below_limit(reading: Reading) -> Kind:
    rows = []
    for one in watch.below(reading):
        way = "payments.new" if may_change() else "credit.show"
        limit, currency = one.customer.debit_limit, one.customer.currency
        rows.append(
            Row(
                "below",
                "below limit",
                one.customer.name,
                f"is beyond its debit limit of {money_in(limit, currency)}."
                if limit
                else "has nothing left to pay with.",
                of=url_for("credit.show", customer_id=one.customer.id),
                amount=money_in(one.available, currency),
                act="Add payment" if may_change() else "Open",
                to=url_for(way, customer_id=one.customer.id),
            )
        )
    return Kind(
        rows,
        "customer below the limit",
        "customers below the limit",
        "customers below the limit",
        url_for("customers.index"),
    )


def _below_cost(reading: Reading) -> Iterator[Kind]:
    """Prices that lose with every charge: packages', and those that assignments have of their own."""
    act = "Raise price" if may_change() else "Open"
    rows = [
        Row(
            "below",
            "below cost",
            package.name,
            f"costs {price(held.cost, held.currency)} and is sold for {price_in(held.retail, held.currency)}.",
            of=url_for("packages.show", package_id=package.id),
            amount=money_in(held.retail - held.cost, held.currency),
            act=act,
            to=url_for("packages.edit" if may_change() else "packages.show", package_id=package.id),
        )
        for package, held in watch.sold_below_cost(reading.today)
    ]
    yield Kind(
        rows, "price below cost", "prices below cost", "prices below their cost", url_for("packages.index")
    )
    rows = []
    for one, own in watch.own_below_cost(reading):
        code = one.customer.currency
        said = (
            f"costs {price(own.cost, code)} and is sold for {price_in(own.retail, code)}, at its own price."
        )
        way = "assignments.edit" if may_change() else "assignments.show"
        rows.append(
            Row(
                "below",
                "below cost",
                f"{one.package.name} of {one.customer.name}",
                said,
                of=url_for("assignments.show", assignment_id=one.id),
                amount=money_in(own.retail - own.cost, code),
                act=act,
                to=url_for(way, assignment_id=one.id),
            )
        )
    yield Kind(rows, "own price below cost", "own prices below cost", "own prices below their cost")


def _losses(reading: Reading) -> Kind:
    rows = [
        Row(
            "below",
            "loss",
            one.name,
            "brought less than it cost, in thirty days.",
            amount=money_in(one.margin, one.currency),
            to=url_for("customers.show", customer_id=one.customer_id),
            alone="1 customer at a loss",
        )
        for one in watch.losses(reading)
    ]
    return Kind(
        rows,
        "customer at a loss",
        "customers at a loss",
        "customers at a loss",
        url_for("margins.index", by="customer", sort="margin"),
    )


def _bad_rows() -> Kind:
    rows = []
    for one in watch.with_bad_rows():
        verb = "was" if one.bad_count == 1 else "were"
        said = f"of {one.file_name} {verb} not imported."
        to = url_for("calls.show", import_id=one.id)
        rows.append(Row("owed", "bad rows", plural(one.bad_count, "row"), said, to=to))
    return Kind(
        rows,
        "file with bad rows",
        "files with bad rows",
        "files of calls with bad rows",
        url_for("calls.index"),
    )


def _leaving(reading: Reading) -> Kind:
    found = watch.leaving(reading)
    rows = []
    for one in found:
        many = plural(one.assignments, "assignment") + (", the first" if one.assignments > 1 else "")
        to = url_for("customers.show", customer_id=one.customer_id)
        rows.append(Row("later", "ends", one.name, f"{many} on {day(one.ends)}.", to=to))
    until = f" until {short_day(found[: watch.NAMED][-1].ends)}" if found else ""
    return Kind(
        rows,
        f"ending{until}",
        f"endings{until}",
        "customers with something that ends",
        url_for("customers.index"),
    )


def _idle(idle: IdleDids) -> Iterator[Row]:
    """The DIDs that earn nothing, of each sort how many."""
    of, row = f"of {plural(idle.dids, 'DID')}", Row("upcoming", "idle", "")
    if count := idle.bring_nothing:
        costs = listed([money_in(cost, code) for code, cost in sorted(idle.costs.items())])
        verb, other = ("costs", "brings") if count == 1 else ("cost", "bring")
        yield replace(
            row,
            mark="below",
            says="only cost",
            subject=plural(count, "DID"),
            sentence=f"{verb} {costs} a month and {other} nothing, {of}.",
            to=url_for("dids.index", state="brings_nothing"),
            alone=f"{plural(count, 'DID')} that only {verb}",
        )
    for state, count, words in (
        ("no_package", idle.no_package, "with a customer and no package"),
        ("stock", idle.in_stock, "in stock"),
    ):
        if count:
            subject = plural(count, "DID")
            to = url_for("dids.index", state=state)
            yield replace(row, subject=subject, sentence=f"{words}, {of}.", to=to, alone=f"{subject} {words}")
