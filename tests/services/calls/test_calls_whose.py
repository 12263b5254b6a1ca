"""Whatever stands in a file, nobody is charged for a call who is not named by it: a second reading of rule 17."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.models import Call, Customer
from portal.services.calls import looking, moves
from portal.services.customers import customers
from tests.calling import a_file, a_line, bad_rows, begun, carried_out, taken_in, undone
from tests.depth import tries
from tests.trade import TODAY, a_customer, a_did, a_package, assigned

SEEDS = range(tries(3, deep=5))
NAMES = ("Acme", "ACME", "Globex", "Initech", "7", "Umbrella Ltd", "#x")
FOREIGN = ("", "4930123456", "33199009999", "00442079469999", "sip:100@pbx.example")


class World:
    """Some customers with names, codes and DIDs that could be taken for each other's, and who had which DID when."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.customers = [a_customer(name, self.random.choice(("GBP", "USD"))) for name in NAMES]
        self.codes: dict[str, Customer] = {}
        for customer in self.customers:
            self._give_codes(customer)
        # Who had a number until the day before `moved`, and who has had it since.
        self.dids: dict[str, tuple[Customer, Customer, date]] = {}
        for number in range(8):
            self._add_did(f"44207946010{number}")
        for customer in self.random.sample(self.customers, 2):
            customer.archived_on = TODAY
        db.session.flush()

    def _give_codes(self, customer: Customer) -> None:
        wanted = {
            f"ext {self.random.randrange(100)}",
            str(self.random.choice(self.customers).id),
            str(customer.id + 50),
        }
        names = {other.name.casefold() for other in self.customers if other is not customer}
        codes = sorted(code for code in wanted if code not in self.codes and code not in names)
        customers.change_customer(customer, customers.fields_of(customer, account_codes=tuple(codes)))
        self.codes.update(dict.fromkeys(codes, customer))

    def _add_did(self, number: str) -> None:
        before, since = self.random.choices(self.customers, k=2)
        moved = TODAY - timedelta(days=self.random.randrange(2, 20))
        did = a_did(since if before is since else before, f"+{number}")
        if before is not since:
            begins = TODAY - timedelta(days=90)
            package = a_package(f"DID {number}", currencies=("GBP", "USD"))
            assigned(package, before, begins, did=did, end_date=moved - timedelta(days=1))
            did.customer = since
        self.dids[number] = (before, since, moved)

    # -- what the law says

    def named(self, text: str) -> list[Customer]:
        """Whom a cell names."""
        text = text.strip()
        if found := self.codes.get(text.casefold()):
            return [found]
        called = [customer for customer in self.customers if customer.name.casefold() == text.casefold()]
        active = [customer for customer in called if not customer.archived_on]
        return active or called or [customer for customer in self.customers if f"#{customer.id}" == text]

    def owner(self, number: str, day: date) -> Customer | None:
        digits = "".join(letter for letter in number if letter.isdigit()).removeprefix("00")
        if digits not in self.dids:
            return None
        before, since, moved = self.dids[digits]
        return before if day < moved else since

    def whose(self, customer: str, did: str, destination: str, day: date, currency: str) -> Customer | None:
        """Who is charged for a row; None where it is bad."""
        source, other = self.owner(did, day), self.owner(destination, day)
        if customer.strip():
            named = self.named(customer)
            if len(named) != 1 or (source and source is not named[0] and other is not named[0]):
                return None
            found: Customer | None = named[0]
        else:
            found = source or other
        return found if found and not found.archived_on and found.currency == currency else None

    # -- what files say

    def rows(self, count: int) -> Iterator[tuple[str, str, str, date, str]]:
        cells = [
            "", "", "", "Nobody", " ext 5", "EXT 7", "4.47E+11",
            *self.codes, *(f" {code.upper()} " for code in self.codes),
            *(str(customer.id) for customer in self.customers), *(f"#{customer.id}" for customer in self.customers),
            *(customer.token for customer in self.customers), *(customer.name for customer in self.customers),
        ]  # fmt: skip
        numbers = [
            *FOREIGN,
            *self.dids,
            *(f"+{n[:2]} {n[2:4]} {n[4:]}" for n in self.dids),
            *(f"00{n}" for n in self.dids),
        ]
        for _ in range(count):
            day = TODAY - timedelta(days=self.random.randrange(1, 25))
            pick = self.random.choice
            yield pick(cells), pick(numbers), pick(numbers), day, pick(("GBP", "USD", "gbp"))


HEAD = "call id,customer,did,destination,start time,seconds,charge,cost,currency"


def a_file_of(world: World, folder: Path, name: str) -> tuple[Path, dict[str, int]]:
    """A file of four hundred rows, and whose calls they are by the law."""
    lines, whose = [], {}
    for n, (customer, did, destination, day, currency) in enumerate(world.rows(400)):
        line = a_line(
            f"c{n}", f"{day} 12:00:00", 60, "1", customer=customer, did=did, destination=destination
        )
        lines.append(f"{line},{currency}")
        if owner := world.whose(customer, did, destination, day, currency.upper()):
            whose[f"c{n}"] = owner.id
    return a_file(folder, lines, HEAD, name), whose


def charged() -> dict[str, int]:
    """Whose each call is."""
    calls = db.session.execute(select(Call.call_id, Call.customer_id)).all()
    assert len(calls) == len(dict(calls)), "each once"
    return dict(calls)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_import_charges_a_customer_whom_neither_code_nor_name_nor_number_nor_a_did_of_theirs_named(
    session, tmp_path, seed
):
    path, whose = a_file_of(World(seed), tmp_path, "calls.csv")
    import_ = taken_in(path, size=150)
    assert charged() == whose
    assert len(whose) > 15 and len(bad_rows(import_)) == 400 - len(whose), "both are tried"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_replacing_import_moves_is_whom_its_row_names_and_goes_back_when_that_is_undone(
    session, tmp_path, seed
):
    world = World(seed)
    (first, whose), (second, then) = (a_file_of(world, tmp_path, f"{name}.csv") for name in ("one", "two"))
    taken_in(first, size=150)
    replacing = begun(second, replaces=True)
    look = looking.look(replacing, TODAY, ZoneInfo("UTC"))
    carried_out(replacing, size=150)
    assert charged() == whose | then
    counts = (look.new, look.counts["replaced"], look.counts["moved"], look.bad)
    assert counts == (
        replacing.taken_count, replacing.replaced_count, moves.moved_by(replacing.id, 0).calls, replacing.bad_count,
    ), "as the look had told"  # fmt: skip
    assert moves.moved_by(replacing.id, 0).calls == sum(
        id in whose and whose[id] != owner for id, owner in then.items()
    )
    undone(replacing, size=37)
    assert charged() == whose
