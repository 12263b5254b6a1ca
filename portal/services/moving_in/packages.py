"""Packages from files (billing-rules 19): by the checks of their form, known by name; a line is one in one currency."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.domain.errors import Invalid, RuleBroken
from portal.domain.move_files.lines import Line
from portal.domain.move_files.packages import COLUMNS, DATED, PRICES
from portal.domain.names import name_key
from portal.domain.schedule import Frequency
from portal.domain.terms import PackageType, Proration
from portal.domain.wording import day as in_words
from portal.domain.wording import digits, plural
from portal.extensions import db
from portal.models import ConnexcsPackage, FileKind, MoveMade, Package
from portal.models.company import company
from portal.services import locking
from portal.services.chunks import in_chunks
from portal.services.deletion.packages import delete_package, why_not_delete_package
from portal.services.moving_in.kind import At, Difference, Item, Kind, Made, Outcome, Planned
from portal.services.packages.catalogue import create_package
from portal.services.packages.changes import (
    drop_planned,
    make_change,
    plan_change,
    planned_days,
    would_change,
)
from portal.services.packages.connexcs import connexcs_choices
from portal.services.packages.definition import (
    DEFAULTS,
    FIELDS,
    PRICE_LABELS,
    Definition,
    PriceSet,
    check,
    definition_of,
    tidied,
)

LABELS = {FIELDS[name].input: field.label for name, field in FIELDS.items()} | PRICE_LABELS
# The fields of a package by the names of their columns.
BY_COLUMN = {field.input: name for name, field in FIELDS.items()}
# From today on.
NOW = ""


class Terms(NamedTuple):
    """What a line says from a day on: its place, the currency, the prices and the schedule that it names."""

    place: int
    currency: str
    says: Mapping[str, Any]


class Wanted(NamedTuple):
    """What lines make of a package: what it is now, and from each day to come on which that changes."""

    now: Definition
    later: tuple[tuple[date, Definition], ...] = ()


class Packages(Kind):
    """A file of packages: lines of one name are one package, each in one currency, or from another day on."""

    kind = FileKind.PACKAGES
    columns = COLUMNS
    noun = "package"

    @classmethod
    def samples(cls) -> Sequence[Mapping[str, str]]:
        """A package in two currencies, and one that is charged once."""
        (first,) = super().samples()
        return (
            first,
            {
                "name": first["name"],
                "currency": "EUR",
                "cost": "5.00",
                "retail": "11.50",
                "setup_retail": "30.00",
            },
            {"name": "Number porting", "currency": "GBP", "retail": "15.00", "frequency": "once"},
        )

    def __init__(self) -> None:
        self._services: dict[str, int] | None = None

    def items(self, lines: Sequence[Line]) -> list[Item]:
        """The lines of each name together, where its first one stands."""
        by_name: dict[str, list[Line]] = {}
        for line in lines:
            key = name_key(line.says.get("name", ""))
            by_name.setdefault(key or f"line {line.place}\n", []).append(line)
        return [Item(tuple(some), _why_not_one(some)) for some in by_name.values()]

    def plan(self, items: Sequence[Item], today: date) -> list[Planned]:
        """What would become of each package."""
        stored = _stored(name_key(item.says["name"]) for item in items)
        return [self._planned(item, stored.get(name_key(item.says["name"]), []), today) for item in items]

    def _planned(self, item: Item, namesakes: Sequence[Package], today: date) -> Planned:
        name = item.says["name"]
        there = [one for one in namesakes if not one.archived_on] or list(namesakes)
        if len(there) > 1:
            return _bad(
                item, f"{plural(len(there), 'package')} are called {name}: rename all but one of them."
            )
        try:
            return self._known(item, there[0], today) if there else self._new(item, today)
        except RuleBroken as error:
            return _bad(item, _said(error))

    def _new(self, item: Item, today: date) -> Planned:
        blank = Definition("", (), **{name: value for name, value in DEFAULTS.items() if name != "name"})
        if (archived := item.says.get("archived")) and archived > today:
            raise Invalid("archived", "It lies ahead: enter the day since which it is off sale, or nothing.")
        wanted = self._wanted(item, blank, today, is_new=True)
        for definition in (wanted.now, *(later for _, later in wanted.later)):
            check(tidied(definition))
        return Planned(item, Outcome.NEW, wanted.now.name, value=wanted)

    def _known(self, item: Item, package: Package, today: date) -> Planned:
        stored = definition_of(package, today)
        wanted = self._wanted(item, stored, today, package=package)
        differs = list(_differences(stored, tidied(wanted.now)))
        for day, definition in wanted.later:
            from_then = f" from {in_words(day)}"
            differs += _differences(definition_of(package, day), tidied(definition), from_then)
        if not differs:
            return Planned(item, Outcome.SAME, package.name, thing_id=package.id)
        if package.archived_on:
            return _bad(item, f"{package.name} is archived. Restore the package first.")
        would_change(package, wanted.now, None, today, today)
        for day, definition in wanted.later:
            would_change(package, definition, day, today, today)
        return Planned(item, Outcome.CHANGED, package.name, "", tuple(differs), package.id, wanted)

    def _wanted(
        self,
        item: Item,
        stored: Definition,
        today: date,
        *,
        is_new: bool = False,
        package: Package | None = None,
    ) -> Wanted:
        """What lines make of what is stored. Invalid says why they cannot."""
        terms: dict[date | str, list[Terms]] = {}
        for line in item.lines:
            says = line.wants if is_new else line.says
            begins = says.get("effective_from")
            currency = says.get("currency", line.of_all.get("currency", company().default_currency))
            when = begins if begins and begins > today else NOW
            if twice := [one.place for one in terms.get(when, ()) if one.currency == currency]:
                sentence = f"Lines {twice[0]} and {line.place} have prices in {currency} from the same day."
                raise Invalid("prices", sentence)
            terms.setdefault(when, []).append(Terms(line.place, currency, says))
        described = self._described(item, is_new)
        now = _with(replace(stored, **described), terms.pop(NOW, []))
        later: list[tuple[date, Definition]] = []
        for day in sorted(day for day in terms if isinstance(day, date)):
            held = (
                replace(definition_of(package, day), **described)
                if package
                else (later[-1][1] if later else now)
            )
            later.append((day, _with(held, terms[day])))
        return Wanted(now, tuple(later))

    def _described(self, item: Item, is_new: bool) -> dict[str, Any]:
        """What the lines say of the package that is not from a day on: no two of them say otherwise."""
        found: dict[str, Any] = {}
        for line in item.lines:
            says = line.wants if is_new else line.says
            for column, name in BY_COLUMN.items():
                if column in says and name not in DATED:
                    found.setdefault(name, says[column])
        if "connexcs_package_id" in found:
            found["connexcs_package_id"] = self._service(found["connexcs_package_id"])
        return found

    def _service(self, name: str) -> int:
        if self._services is None:
            self._services = {name_key(known): id for id, known in connexcs_choices()}
        found = self._services.get(name_key(name))
        if found is None:
            raise Invalid(
                "connexcs_package", f"There is no ConnexCS package called {name[:60]}. Add it first."
            )
        return found

    def lock(self, items: Sequence[Item], today: date) -> None:
        """The packages that are changed, and the ConnexCS packages that stay as they are meanwhile."""
        planned = self.plan(items, today)
        locking.lock(Package, [one.thing_id for one in planned if one.outcome == Outcome.CHANGED])
        services = {one.value.now.connexcs_package_id for one in planned if one.value}
        locking.lock(ConnexcsPackage, services, shared=True)

    def make(self, planned: Sequence[Planned], at: At) -> list[Made]:
        """Each package, and then what is planned for it."""
        return [_change(one, at) if one.thing_id else _make(one, at) for one in planned]

    def take_back(self, made: Sequence[MoveMade], at: At) -> dict[int, str]:
        """Remove those that were never assigned; put back what was changed and stands as it came."""
        rows = {row.id: row for row in locking.lock(Package, [one.thing_id for one in made])}
        left: dict[int, str] = {}
        for one in made:
            if (package := rows.get(one.thing_id)) is None:
                continue
            if one.is_change:
                reason = _put_back(one, package, at)
            elif refusal := why_not_delete_package(package):
                reason = refusal.sentence
            else:
                reason = ""
                delete_package(package)
            if reason:
                left[one.id] = reason
        return left


def _bad(item: Item, reason: str) -> Planned:
    return Planned(item, Outcome.BAD, reason=reason)


def _said(error: RuleBroken) -> str:
    """A refusal, with the column that it is about where its sentence does not name it."""
    if not isinstance(error, Invalid):
        return error.sentence
    label = LABELS.get(error.field, "")
    return error.sentence if label.casefold() in error.sentence.casefold() else f"{label}: {error.sentence}"


def _why_not_one(lines: Sequence[Line]) -> str:
    """Why lines of one name cannot be one package: one of them is bad, or two say otherwise of the same."""
    if bad := next((line for line in lines if line.reason), None):
        return bad.reason if len(lines) == 1 else f"Line {bad.place} of this package is bad."
    if "name" not in lines[0].says:
        return "This line does not say what the package is called."
    said: dict[tuple[Any, ...], tuple[Any, int]] = {}
    for line in lines:
        begins = line.says.get("effective_from")
        for column, value in line.says.items():
            if column in ("name", "currency", "effective_from", *PRICES):
                continue
            when = begins if column in DATED else None
            value_said, place = said.setdefault((column, when), (value, line.place))
            if value_said != value:
                label = next(one.label for one in COLUMNS if one.name == column)
                return f"Lines {place} and {line.place} of this package say otherwise of its {label}."
    return ""


def _stored(keys: Iterable[str]) -> dict[str, list[Package]]:
    found: dict[str, list[Package]] = {}
    for some in in_chunks(sorted(set(keys))):
        query = select(Package).where(Package.name_key.in_(some)).order_by(Package.id)
        query = query.options(selectinload(Package.prices), selectinload(Package.schedules))
        for package in db.session.scalars(query.execution_options(populate_existing=True)):
            found.setdefault(package.name_key, []).append(package)
    return found


def _with(held: Definition, terms: Sequence[Terms]) -> Definition:
    """What holds, with the prices and the schedule that lines say in their place."""
    prices = {one.currency: one for one in held.prices}
    schedule: dict[str, Any] = {}
    for line in terms:
        said = {name: line.says[name] for name in PRICES if name in line.says}
        prices[line.currency] = replace(prices.get(line.currency, PriceSet(line.currency)), **said)
        schedule |= {name: line.says[name] for name in DATED if name in line.says}
    return replace(held, prices=tuple(prices.values()), **schedule)


def _differences(stored: Definition, said: Definition, when: str = "") -> Iterable[Difference]:
    """What is otherwise, in words."""
    for name, field in FIELDS.items():
        before, after = getattr(stored, name), getattr(said, name)
        if before != after and not (name == "proration" and not said.recurs):
            yield Difference(field.label + when, field.words(before), field.words(after))
    for prices in said.prices:
        was = stored.price_in(prices.currency)
        for name, label in PRICE_LABELS.items():
            before, after = (getattr(was, name) if was else None), getattr(prices, name)
            if before != after:
                none = "not sold" if before is None else digits(before)
                yield Difference(f"{label} {prices.currency}{when}", none, digits(after))


# -- made, changed, and put back


def _make(planned: Planned, at: At) -> Made:
    wanted: Wanted = planned.value
    token = f"moved in {at.import_id}-{planned.item.place}"
    package = create_package(wanted.now, token=token, now=at.now)
    for day, definition in wanted.later:
        # Nobody else knows of the package yet, so nothing has to be locked.
        make_change(would_change(package, definition, day, at.today, at.today))
    package.archived_on = planned.item.says.get("archived")
    return Made(planned.item.place, "package", package.id, package.name)


def _change(planned: Planned, at: At) -> Made:
    """Change a package as lines say; what it was before is kept."""
    package = db.session.get_one(Package, planned.thing_id)
    wanted: Wanted = planned.value
    days = [day for day, _ in wanted.later]
    before = _kept(package, at.today, days)
    make_change(plan_change(package, wanted.now, None, at.today, at.today))
    for day, definition in wanted.later:
        make_change(plan_change(package, definition, day, at.today, at.today))
    after = _kept(package, at.today, days)
    return Made(planned.item.place, "package", package.id, package.name, True, before, after)


def _kept(package: Package, today: date, days: Iterable[date]) -> dict[str, Any]:
    """What a package is from tomorrow on, and from each of these days, as JSON has it; None where nothing begins."""
    planned = planned_days(package, today)
    found = {NOW: _as_json(definition_of(package, today))}
    return found | {
        day.isoformat(): _as_json(definition_of(package, day)) if day in planned else None
        for day in sorted({*days, *planned})
    }


def _put_back(made: MoveMade, package: Package, at: At) -> str:
    """Put back what an import has changed of a package; else why not."""
    before, after = json.loads(made.before), json.loads(made.after)
    days = [date.fromisoformat(day) for day in after if day != NOW]
    if _kept(package, at.today, [day for day in days if day > at.today]) != after:
        return "It was changed since, or what was planned has begun."
    try:
        make_change(plan_change(package, _from_json(before[NOW]), None, at.today, at.today))
        for day in days:
            if was := before.get(day.isoformat()):
                make_change(plan_change(package, _from_json(was), day, at.today, at.today))
            elif day in planned_days(package, at.today):
                drop_planned(package, day, at.today)
    except RuleBroken as error:
        return error.sentence
    return ""


def _as_json(definition: Definition) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(definition, name) for name in FIELDS}
    prices = [
        [one.currency, *(digits(getattr(one, name)) for name in PRICE_LABELS)] for one in definition.prices
    ]
    return json.loads(json.dumps(found | {"prices": prices}))  # type: ignore[no-any-return]


def _from_json(kept: Mapping[str, Any]) -> Definition:
    prices = tuple(PriceSet(one[0], *map(Decimal, one[1:])) for one in kept["prices"])
    fields = {name: kept[name] for name in FIELDS}
    return Definition(
        prices=prices,
        **fields
        | {
            "frequency": Frequency(fields["frequency"]),
            "frequency_match": tuple(fields["frequency_match"]),
            "type": PackageType(fields["type"]),
            "proration": Proration(fields["proration"]) if fields["proration"] else None,
        },
    )
