"""How a command ends: its exit status, and one sentence where it failed."""

import sys
import traceback

import click

REFUSED = 1  # a rule, a setting or a file stands against it; nothing was changed
# 2 is click's: what was typed cannot be
NOT_ALL = 3  # something was done, and something was not: it says what
AWAY = 4  # the database does not answer, or is busy
OTHER_VERSION = 5  # the database is not of the version that this portal needs
PORT_TAKEN = 6  # somebody else listens there
FAULT = 70  # an error in the portal


class Failed(click.ClickException):
    """A command that failed: a sentence, and its status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.exit_code = status  # type: ignore[misc]


def as_failed(error: Exception) -> click.ClickException:
    """What a command says of an error that nothing in it was made for."""
    from alembic.util import CommandError
    from sqlalchemy.exc import InterfaceError, OperationalError
    from sqlalchemy.exc import TimeoutError as NoConnectionFree

    from portal.config import BadSetting
    from portal.database import Failure, kind_of, words_of
    from portal.domain.errors import RuleBroken
    from portal.schema import OtherVersion

    match error:
        case OtherVersion():
            return Failed(error.sentence, OTHER_VERSION)
        case RuleBroken() | BadSetting() | CommandError():
            return Failed(str(error), REFUSED)
        case OperationalError() | InterfaceError() | NoConnectionFree():
            said = {
                Failure.BUSY: "The database is busy with another change, for too long",
                Failure.CROSSED: "Somebody else changed the same at the same moment",
                Failure.FULL: "The disk is full",
            }.get(kind_of(error), "The database does not answer")
            return Failed(
                f"{said}: {words_of(error).rstrip('.')}. What was done before stays; start it again.", AWAY
            )
        case OSError(filename=str(name)):
            return Failed(f"{error.strerror or error}: {name}.", REFUSED)
        case OSError():
            return Failed(f"{error.strerror or error}.", REFUSED)
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return Failed(
        f"An error in the portal, {where.name} at line {where.lineno} of {where.filename}: {said}. "
        "portal --traceback COMMAND shows all of it.",
        FAULT,
    )


def show(error: Exception) -> None:
    """The whole error, for whoever mends it."""
    traceback.print_exception(error, file=sys.stderr)
