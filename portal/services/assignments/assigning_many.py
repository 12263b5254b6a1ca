"""Assigning one package to many DIDs or customers at once: first what would come of it, then the same, stored.

Whoever cannot have it stays as they are, each with a reason; the others get it in one transaction. What one of
them needs from the database is read for all of them together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from portal.domain.errors import Invalid, RuleBroken, WayOut
from portal.domain.phone_numbers import international
from portal.domain.wording import plural, whole
from portal.extensions import db
from portal.models import Assignment, BulkKind, Customer, Did, Package
from portal.services import bulk_acts, locking
from portal.services.assignments.assigning import Draft, already, check, new_assignment
from portal.services.assignments.lists import MANY
from portal.services.assignments.own_prices import check_one_currency
from portal.services.assignments.preview import OutlookSums, sums
from portal.services.batch import Batch, Refused
from portal.services.billing.loading import usage_wait_days
from portal.services.billing.planning import Totals
from portal.services.calls.effects import bundles_changed
from portal.services.chunks import in_chunks
from portal.services.once import REMOVED, Receipt, Sent, keep, was_sent
from portal.services.packages.definition import NO_OWN, OwnPriceSet

Target = Did | Customer
Key = TypeVar("Key", int, str)
# As many as one statement names.
AT_ONCE = 500
# Each assignment bears the form's token and whom it is for.
FORM_TOKEN_MAX = 40


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be assigned to each of them."""

    package: Package
    quantity: int
    start_date: date
    end_date: date | None = None
    charge_from: date | None = None
    minutes: int | None = None
    minimum_days: int | None = None
    auto_decrement_credit: bool = False
    own: OwnPriceSet = NO_OWN

    def for_one(self, target: Target) -> Draft:
        """The assignment that one of them would get."""
        customer = target.customer if isinstance(target, Did) else target
        if customer is None:
            raise RuleBroken("It is in stock. Give it to a customer first.")
        return Draft(
            self.package, customer, target if isinstance(target, Did) else None, self.quantity, self.start_date,
            self.end_date, self.charge_from, self.minutes, self.minimum_days, self.auto_decrement_credit,
            self.own,
        )  # fmt: skip


@dataclass(slots=True)
class Sorted(Batch[Draft, Target]):
    """Who would get the package, and who would not; `twice` are those who have it already."""

    twice: int = 0


@dataclass(slots=True)
class Foreseen:
    """What assigning would bring, for each currency: due by today, and in twelve months; how many would be held."""

    due: dict[str, Totals] = field(default_factory=dict)
    year: dict[str, Totals] = field(default_factory=dict)
    held: int = 0


def name_of(target: Target) -> str:
    """How a list names a DID or a customer."""
    return international(target.number) if isinstance(target, Did) else target.name


def load_dids(ids: Sequence[int]) -> list[Did]:
    """DIDs by their ids, with all that assigning to them needs, in the order of their numbers."""
    needed = selectinload(Did.customer).selectinload(Customer.tax_rates)
    found = (
        db.session.scalars(select(Did).where(Did.id.in_(some)).options(needed)) for some in in_chunks(ids)
    )
    return sorted((did for part in found for did in part), key=lambda did: did.number)


def load_customers(ids: Sequence[int]) -> list[Customer]:
    """Customers by their ids, with all that assigning to them needs, in the order of their names."""
    needed = selectinload(Customer.tax_rates)
    found = (
        db.session.scalars(select(Customer).where(Customer.id.in_(some)).options(needed))
        for some in in_chunks(ids)
    )
    return sorted((customer for part in found for customer in part), key=lambda c: (c.search_key, c.id))


def ids_of(query: Select[Customer]) -> list[int]:
    """The ids of all the customers that a list found. Invalid where that is more than one act may touch."""
    ids = list(db.session.scalars(query.with_only_columns(Customer.id).order_by(Customer.id).limit(MANY + 1)))
    if len(ids) > MANY:
        raise Invalid("ids", f"More than {whole(MANY)} customers match. Filter the list so that fewer match.")
    return ids


def lock_targets(targets: Sequence[Target]) -> None:
    """Lock to whom something is to be assigned. What is loaded after this is as it stands."""
    dids = locking.lock(Did, [target.id for target in targets if isinstance(target, Did)], shared=True)
    locking.lock(
        Customer, [t.customer_id for t in dids] or [t.id for t in targets if isinstance(t, Customer)]
    )


def sort_out(wish: Wish, targets: Sequence[Target], *, twice: bool = False) -> Sorted:
    """Who would get the package. Invalid where what is wished for can be nobody's."""
    found, problems = Sorted(), []
    owners = (target.customer if isinstance(target, Did) else target for target in targets)
    check_one_currency({owner.currency for owner in owners if owner}, wish.own.given)
    there = _there(wish, targets)
    for target in targets:
        try:
            draft = wish.for_one(target)
            check(draft)
        except RuleBroken as refusal:
            problems.append(refusal)
            found.refused.append(Refused(target, refusal.sentence))
            continue
        if existing := there.get(target.id):
            found.twice += 1
            if not twice:
                found.refused.append(Refused(target, already(draft, existing)))
                continue
        found.done.append(draft)
    if not found.done and problems and all(isinstance(problem, Invalid) for problem in problems):
        raise problems[0]
    return found


def foresee(drafts: Iterable[Draft], today: date) -> Foreseen:
    """What the drafts would be charged. Each kind of draft is planned once, and counted."""
    found, wait_days = Foreseen(), usage_wait_days()
    kinds: dict[object, OutlookSums] = {}
    for draft in drafts:
        rates = tuple((rate.effective_from, rate.rate) for rate in draft.customer.tax_rates)
        currency = draft.customer.currency
        kind = (currency, rates, replace(draft, customer=None, did=None))  # type: ignore[arg-type]
        one = kinds.get(kind) or kinds.setdefault(kind, sums(draft, today, wait_days))
        _add(found.due.setdefault(currency, Totals()), one.due)
        _add(found.year.setdefault(currency, Totals()), one.year)
        found.held += one.held is not None
    found.due = dict(sorted(found.due.items()))
    found.year = dict(sorted(found.year.items()))
    return found


def assign_many(
    drafts: Sequence[Draft], *, token: str, by: str, now: datetime, content: object = None
) -> list[Assignment]:
    """Assign all of them, once for the token of the form: a second click finds the first one's.

    `content` is what the form says, where that is more than the drafts. Invalid and AlreadySent as of `once`.
    """
    tokens = {_token(token, draft): draft for draft in drafts}
    sent = _sent(token, [tokens[key] for key in sorted(tokens)] if content is None else content)
    if was_sent(sent):
        return _found(tokens)
    new = [new_assignment(draft, token=key, by=by, now=now) for key, draft in tokens.items()]
    try:
        with db.session.begin_nested():
            db.session.add_all(new)
            db.session.flush()
            keep(sent, _receipt(new))
    except IntegrityError:  # the other click was quicker
        if was_sent(sent):
            return _found(tokens)
        raise
    bundles_changed(new, now.date(), now)
    _keep_act(new, by, now)
    return new


def _keep_act(made: Sequence[Assignment], by: str, now: datetime) -> None:
    """Let assigning them be undone in one act."""
    bulk_acts.record(
        BulkKind.ASSIGNED,
        _receipt(made)[0].replace(" was assigned to ", " for "),
        dict.fromkeys(assignment.id for assignment in made),
        today=now.date(), by=by, now=now,
    )  # fmt: skip


def made_with(token: str, content: object, noun: str, ids: Sequence[int]) -> list[Assignment] | None:
    """What an earlier click of the same form has made; None where there was none. AlreadySent as of `once`."""
    if not was_sent(_sent(token, content)):
        return None
    return _found(f"{token}:{noun[0]}{id}" for id in ids)


# -- what they share


def _sent(token: str, content: object) -> Sent:
    return Sent("assignments", token, content, token_max=FORM_TOKEN_MAX)


def _receipt(made: Sequence[Assignment]) -> Receipt:
    names = {assignment.package.name for assignment in made}
    what = names.pop() if len(names) == 1 else plural(len(names), "package")
    noun = "DID" if made and made[0].did_id else "customer"
    done = f"{what} was assigned to {plural(len(made), noun)}"
    return done, WayOut(f"See the {noun}s", f"{noun.lower()}s.index")


def _token(token: str, draft: Draft) -> str:
    target = f"d{draft.did.id}" if draft.did else f"c{draft.customer.id}"
    return f"{token}:{target}"


def _found(tokens: Iterable[str]) -> list[Assignment]:
    """What the form has made, as far as it is there."""
    if found := _made(tokens):
        return list(found.values())
    raise RuleBroken(REMOVED)


def _made(tokens: Iterable[str]) -> dict[str, Assignment]:
    wanted = list(tokens)
    found = (
        db.session.scalars(select(Assignment).where(Assignment.token.in_(some))) for some in in_chunks(wanted)
    )
    return {assignment.token: assignment for part in found for assignment in part}


def _there(wish: Wish, targets: Sequence[Target]) -> dict[int, Assignment]:
    """The assignments of the package to these targets whose days meet the ones wished for, by the target's id."""
    found: dict[int, Assignment] = {}
    on_dids = bool(targets) and isinstance(targets[0], Did)
    query = (
        select(Assignment)
        .where(Assignment.package_id == wish.package.id)
        .where(or_(Assignment.end_date.is_(None), Assignment.end_date >= wish.start_date))
        .where(Assignment.withdrawn_on.is_(None))
        .order_by(Assignment.id.desc())
    )
    if wish.end_date:
        query = query.where(Assignment.start_date <= wish.end_date)
    owners = {t.id: t.customer_id if isinstance(t, Did) else t.id for t in targets}
    for some in in_chunks(list(owners)):
        if on_dids:
            these = query.where(Assignment.did_id.in_(some))
        else:
            these = query.where(Assignment.customer_id.in_(some), Assignment.did_id.is_(None))
        for assignment in db.session.scalars(these):
            target_id = assignment.did_id if on_dids else assignment.customer_id
            if target_id and owners[target_id] == assignment.customer_id:
                found[target_id] = assignment
    return found


def _add(total: Totals, one: Totals) -> None:
    total.amount += one.amount
    total.cost += one.cost
    total.tax += one.tax
    total.count += one.count
