"""The changeover: what recurs here beside what the other system charged; and the first charges of a file."""

from typing import Any

from flask import render_template

from portal.clock import today
from portal.domain.errors import RuleBroken, WayOut
from portal.domain.wording import plain
from portal.extensions import db
from portal.models import MoveImport
from portal.services.csv import export
from portal.services.moving_in import accepting, changeover, planning
from portal.services.moving_in.foreseeing import First, Foreseen
from portal.services.moving_in.kinds import kind_of
from portal.services.overview.remembering import Reading
from portal.web.moving_in import bp
from portal.web.shared.exports import send_lines
from portal.web.shared.remembered import since_when

SHOWN = 200
FIRST = (
    "Line",
    "Assignment",
    "Currency",
    "First Charge",
    "Kind",
    "From",
    "Until",
    "Amount",
    "Locked Until",
    "Held",
)


@bp.get("/changeover")
def report() -> Any:
    reading = Reading(today())
    found = changeover.first_of(reading, SHOWN)
    added_up = since_when(reading)
    return render_template("moving_in/changeover.html", found=found, added_up=added_up)


@bp.get("/changeover.csv")
def report_file() -> Any:
    return send_lines(changeover.as_csv(today()), f"changeover-{today().isoformat()}.csv")


@bp.get("/<int:move_id>/first-charges.csv")
def first_charges(move_id: int) -> Any:
    """The first charge of each assignment of a file that waits."""
    import_ = db.get_or_404(MoveImport, move_id)
    kind = kind_of(import_)
    foreseen = None
    if accepting.waits(import_) and not accepting.needs_layout(import_):
        foreseen = kind.foresee(planning.plan(import_, today()).planned, today())
    if not isinstance(foreseen, Foreseen):
        raise RuleBroken(
            f"{import_.file_name} does not wait with assignments to be imported.",
            WayOut("Show the import", "moving_in.show", {"move_id": move_id}),
        )
    return send_lines(export.lines(FIRST, map(_cells, foreseen.firsts)), f"first-charges-{move_id}.csv")


def _cells(one: First) -> list[object]:
    charge = one.charge
    said: list[object] = [one.place, one.label, one.currency]
    if charge is None or one.is_held:
        said += [""] * 5
    else:
        said += [
            charge.charge_on, charge.kind.value, charge.period_from, charge.period_until,
            plain(charge.amount, one.currency),
        ]  # fmt: skip
    return [*said, one.locked_until, "yes" if one.is_held else ""]
