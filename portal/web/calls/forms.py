"""The forms of calls: a file, and which of its columns is what."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, FileField
from wtforms.fields.choices import SelectChoice

from portal.services.calls.columns import WORDS, Mapping
from portal.web.shared.fields import ChoiceField, id_or_none


class FileForm(FlaskForm):
    """A file of call records."""

    file = FileField("File")
    replaces = BooleanField("Replace calls already imported with other values")
    by_hand = BooleanField("Let me choose the columns")


class ColumnsForm(FlaskForm):
    """Which column of a file is what."""

    @property
    def mapping(self) -> Mapping:
        """What was chosen."""
        places = {name: self[name].data for name in WORDS}
        return Mapping({name: place for name, place in places.items() if place is not None})


for _name, _label in WORDS.items():
    setattr(ColumnsForm, _name, ChoiceField(_label, coerce=id_or_none, choices=()))


def columns_form(
    head: list[str], rows: list[list[str]], mapping: Mapping | None = None, **given: Any
) -> ColumnsForm:
    """The form for a file's columns, each named by its head and what stands in it."""
    form = ColumnsForm(**given, **(mapping.places if mapping else {}))
    choices = [SelectChoice("", "No column")]
    for place, name in enumerate(head):
        shown = next((row[place].strip() for row in rows if len(row) > place and row[place].strip()), "")
        words = (name.strip() or f"Column {place + 1}")[:60]
        choices.append(SelectChoice(place, f"{words}: {shown[:40]}" if shown else words))
    for column in WORDS:
        form[column].choices = choices
    return form
