"""The forms of moving in: a file, its columns, what is so of all its lines, and whether to begin."""

import json
from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField, HiddenField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from portal.domain.csv_files.layout import DayOrder
from portal.domain.move_files.columns import Column
from portal.domain.move_files.layout import MoveLayout
from portal.models import MoveImport
from portal.services.charges.by_hand import REASON_LONGEST
from portal.services.moving_in.accepting import head_of
from portal.services.moving_in.kinds import KINDS, columns_of
from portal.web.shared.columns import column_choices
from portal.web.shared.fields import TOO_LONG, ChoiceField, LinesField, Required, id_or_none

ORDERS = {
    DayOrder.NONE: "the year is first (2026-11-03), or months have names",
    DayOrder.DAY: "the day is first: 31/01/2026",
    DayOrder.MONTH: "the month is first: 01/31/2026",
}
DECIMALS = {"": "as each number says it", ".": "a point: 1,234.50", ",": "a comma: 1.234,50"}
SAID_LONGEST = 250


class FileForm(FlaskForm):
    """A file, and what is in it."""

    kind = ChoiceField(
        "Content", choices=[SelectChoice(kind.value, kind.words.capitalize()) for kind in KINDS]
    )
    file = FileField("File")
    sheet = StringField("Sheet", [Length(max=120, message=TOO_LONG)])
    by_hand = BooleanField("Let me describe the columns")


class BeginForm(FlaskForm):
    """What somebody has looked at, and what is to be made of it."""

    fingerprint = HiddenField()
    takes_changes = BooleanField("Also change what is already there")


class UndoForm(FlaskForm):
    """Why an import is undone."""

    reason = LinesField(
        "Reason",
        [
            Required("Enter why it is undone: the reason is kept."),
            Length(max=REASON_LONGEST, message=TOO_LONG),
        ],
        render_kw={"rows": 3, "maxlength": REASON_LONGEST},
    )


def of_all_form(import_: MoveImport, asked: Sequence[Column], **given: Any) -> FlaskForm:
    """A field for each column that may be said once for all lines, filled in as it was said."""
    fields = {
        column.name: StringField(column.label, [Length(max=SAID_LONGEST, message=TOO_LONG)])
        for column in asked
    }
    form: FlaskForm = type("OfAllForm", (FlaskForm,), fields)(
        **given, **json.loads(import_.of_all), prefix="say-"
    )
    return form


def layout_form(import_: MoveImport, layout: MoveLayout, rows: Sequence[Sequence[str]], **given: Any) -> Any:
    """The form for the columns of a file, filled in as they are proposed."""
    columns = columns_of(import_.kind)
    fields: dict[str, Any] = {
        column.name: ChoiceField(column.label, coerce=id_or_none, choices=()) for column in columns
    }
    fields["day_order"] = ChoiceField("Days", choices=[SelectChoice(*one) for one in ORDERS.items()])
    fields["decimal"] = ChoiceField("Numbers", choices=[SelectChoice(*one) for one in DECIMALS.items()])
    form = type("LayoutForm", (FlaskForm,), fields)(
        **given, **{column.name: layout[column.name] for column in columns}, day_order=layout.day_order,
        decimal=layout.decimal, prefix="column-",
    )  # fmt: skip
    choices = [SelectChoice("", "No column"), *column_choices(head_of(import_), rows)]
    for column in columns:
        form[column.name].choices = choices
    return form


def layout_in(form: Any, import_: MoveImport) -> MoveLayout:
    """What was chosen."""
    places = {column.name: form[column.name].data for column in columns_of(import_.kind)}
    return MoveLayout(
        columns={name: place for name, place in places.items() if place is not None},
        has_names=import_.has_names,
        day_order=DayOrder(form.day_order.data),
        decimal=form.decimal.data,
    )
