"""The form of a note."""

from flask_wtf import FlaskForm
from wtforms.validators import Length

from portal.services.notes.notes import LONGEST
from portal.web.shared.fields import TOO_LONG, DayField, LinesField, Required, VersionField
from portal.web.shared.token_field import TokenField


class NoteForm(FlaskForm):
    """What a note says, and the day to come back to it, if there is one."""

    text = LinesField("Note", [Required("Write the note."), Length(max=LONGEST, message=TOO_LONG)])
    come_back_on = DayField("Come back on")


class NewNoteForm(NoteForm):
    """A note that is not written yet."""

    token = TokenField()


class OldNoteForm(NoteForm):
    """A note, and the version of it that was opened."""

    version = VersionField("Version")
