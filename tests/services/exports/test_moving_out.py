"""What is exported is imported: into an empty portal it gives the same packages, customers, assignments and charges."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal import cli
from portal.extensions import db
from portal.services import demo, portfolio
from portal.services.packages.connexcs import add_connexcs_package
from tests.conftest import SQLITE

SINCE, TODAY = date(2026, 10, 25), date(2026, 11, 22)
# A package that is archived may be assigned still; what has ended is not moved.
STATES = {"packages": ("--state", "all"), "assignments": ("--state", "open")}
MOVED = ("packages", "customers", "dids", "assignments")
# What another portal numbers otherwise, and what is read from numbers; and the figures of what was not moved.
NOT_COMPARED = {
    "Customer Number",
    "Why",
    "Reference",
    "Number",
    "Payment Reference",
    "Added",
    "Since",
    "Own Setup Cost",
    "Own Setup Retail",
}
FIGURES = {
    "Balance",
    "Available",
    "To Pay",
    "Last Payment",
    "Assigned",
    "Charged Until",
    "Not Posted Yet",
    "State",
}

Portal = Callable[..., str]


@pytest.fixture
def portal(app: Any, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """A command of the portal: what it says."""
    monkeypatch.setattr("portal.create_app", lambda: app)
    monkeypatch.setitem(app.config, "TODAY", TODAY.isoformat())

    def run(*arguments: object, status: int = 0) -> str:
        answer = CliRunner().invoke(cli.main, list(map(str, arguments)))
        assert answer.exit_code == status, (answer.exit_code, answer.exception, answer.output[:3000])
        return answer.output

    return run


def written(portal: Portal, folder: Path, name: str, *more: object, form: str = "csv") -> Path:
    file = folder / f"{name}.{form}"
    portal("export", name, "--to", file, *more)
    return file


def rows(file: Path, without: set[str] = NOT_COMPARED | FIGURES) -> list[dict[str, str]]:
    """The rows of a file, without what is not compared, in an order of their own."""
    read = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""))
    found = [{name: cell for name, cell in row.items() if name not in without} for row in read]
    for row in found:
        # Where nothing falls due any more, no day says from which periods are counted.
        if row.get("Next Charge") == "":
            row.pop("Anchor", None)
    return sorted(found, key=lambda row: sorted(row.items()))


def picture(portal: Portal, folder: Path) -> dict[str, list[dict[str, str]]]:
    """All that moves, as files, with what falls due in half a year and what is due already."""
    folder.mkdir()
    for name in MOVED:
        written(portal, folder, name, *STATES.get(name, ()))
    begins, through = TODAY - timedelta(days=60), TODAY + timedelta(days=180)
    written(portal, folder, "upcoming", "--from", begins, "--through", through)
    found = {name: rows(folder / f"{name}.csv") for name in (*MOVED, "upcoming")}
    for customer in found[
        "customers"
    ]:  # a hold is not moved, and what is missing of a minimum spend is of calls
        del customer["Next Charge"]
    return found


def moved_in(portal: Portal, folder: Path, form: str = "csv") -> None:
    for name in MOVED:
        # A list of DIDs is CSV.
        portal("import", name, folder / f"{name}.{'csv' if name == 'dids' else form}")


def differences(before: list[dict[str, str]], after: list[dict[str, str]]) -> Iterator[Any]:
    if len(before) != len(after):
        yield f"{len(before)} rows, then {len(after)}"
    for one, other in zip(before, after, strict=False):
        if one != other:
            names = [name for name in one if one[name] != other.get(name)]
            yield (
                one.get("Customer"),
                one.get("Package") or one.get("For"),
                one.get("Date"),
                {name: (one[name], other.get(name)) for name in names},
            )


def compared(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    found = {name: list(differences(before[name], after[name]))[:5] for name in before}
    return {name: some for name, some in found.items() if some}


def moved_on(app: Any, database: Any, portal: Portal, folder: Path, form: str) -> dict[str, list[Any]]:
    """Move all that there is into an empty portal: what is otherwise there."""
    with app.app_context():
        db.session.commit()
        before = picture(portal, folder / "before")
        for name in MOVED:
            written(portal, folder / "before", name, *STATES.get(name, ()), form=form)
        services = {row["ConnexCS Package"] for row in before["packages"]} - {""}
    assert len(before["assignments"]) > 200 and len(before["upcoming"]) > 300
    database.clean()
    with app.app_context():
        for name in sorted(services):
            add_connexcs_package(name)
        db.session.commit()
        moved_in(portal, folder / "before", form)
        after = picture(portal, folder / "after")
    # How much is spent on calls stays where the calls are, and with it what is missing of a minimum spend.
    minimums = {row["Name"] for row in before["packages"] if row["Minimum Spend"]}
    for rows_ in (before, after):
        for name in ("assignments", "upcoming"):
            of = "Package" if name == "assignments" else "For"
            rows_[name] = [row for row in rows_[name] if row[of] not in minimums]
    return compared(before, after)


def told(found: dict[str, list[Any]]) -> str:
    return "\n".join(f"{name}: {one}" for name, some in found.items() for one in some)


@pytest.mark.slow
def test_a_portfolio_is_the_same_in_another_portal(app, database, portal, tmp_path):
    with app.app_context():
        portfolio.write(300, SINCE)
        portfolio.live(SINCE, TODAY)
        found = moved_on(app, database, portal, tmp_path, "csv")
    assert not found, told(found)


@pytest.mark.slow
@pytest.mark.only_on(SQLITE)
def test_the_demo_company_is_the_same_in_another_portal(app, database, portal, tmp_path):
    with app.app_context():
        demo.load(TODAY)
        found = moved_on(app, database, portal, tmp_path, "xlsx")
    assert not found, told(found)
