"""Undo in the message that says what was done to many."""

from flask import flash

from portal.models import BulkAct


def say_with_undo(sentence: str, act: BulkAct | None) -> None:
    """Say what was done, with *Undo* where that can be undone."""
    if act:
        flash((sentence, act.id), "undo")  # type: ignore[arg-type]
    else:
        flash(sentence)
